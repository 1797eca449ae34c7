"""The tests of FakeGateway, which talk to it through real sockets."""
