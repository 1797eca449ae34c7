"""Clients of other makers talk to FakeGateway, which proves that it behaves as the gateways they know."""
