"""
Fixtures for pytest, there as soon as the package is installed: ``mesh_gateway`` and ``mesh_client``.

::

    async def test_the_bot_survives(mesh_gateway, mesh_client):
        mesh_gateway.enqueue(accidents.truncated(), OWN)
        assert await the_bot(mesh_client).answer("Hi") == ...

    @pytest.mark.mesh_gateway(catalogue=[{"id": "maker/model"}])
    async def test_the_bot_knows_its_models(mesh_gateway): ...

They work in async tests and fixtures of pytest-asyncio (in both modes and with every loop scope),
pytest-aiohttp, and anyio's plugin on asyncio. The gateway runs in the event loop of the test, as it does in
``async with FakeGateway()``: so an answer function may use what the test uses, ``WaitFor`` an event of the
test, and what the gateway tells is so at that moment. In a thread of its own it would serve tests without a
loop as well, and be true of none of this; those have ``GatewayProcess``.

Only this room imports pytest, and only pytest imports this room. It does so at every start, with the whole
client: whatever imports a part of a package imports its door first. Only a second package could put that off.
"""

import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, NoReturn, TypeAlias

import pytest

from ..call import Call, StreamCall
from ..client import MeshAPI
from ..settings import Retry
from ._expect import unlike_call
from ._gateway import FakeGateway


try:
    import pytest_asyncio
except ImportError:
    pytest_asyncio = None  # type: ignore[assignment] # anyio's plugin needs none


__all__ = [
    "mesh_client",
    "mesh_gateway",
    "pytest_assertrepr_compare",
    "pytest_configure",
    "pytest_runtest_call",
]

_Both: TypeAlias = tuple[FakeGateway, MeshAPI]

_GATEWAY = pytest.StashKey[FakeGateway]()
_PASSED = pytest.StashKey[bool]()


def _fixture() -> Callable[[pytest.FixtureRequest], AsyncGenerator[_Both]]:
    """Return a new function for each fixture, since the plugins mark the functions themselves."""

    async def mesh(request: pytest.FixtureRequest) -> AsyncGenerator[_Both]:
        options: dict[str, Any] = {}
        for marker in request.node.iter_markers("mesh_gateway"):  # the closest first
            options = {**marker.kwargs, **options}
        gateway = FakeGateway(**options)
        await gateway.start()
        try:
            async with MeshAPI(gateway.base_url, gateway.token, retry=Retry(backoff=0.0)) as client:
                yield gateway, client
        finally:
            await gateway.close()

    return mesh


# What runs an async fixture differs from plugin to plugin, and must be what runs the test. Of these fixtures
# the one is taken that goes with the test.
_meshapi_aio_anyio = pytest.fixture(_fixture())

# pytest-asyncio knows loop scopes since 0.24.
if pytest_asyncio is not None and "loop_scope" in inspect.signature(pytest_asyncio.fixture).parameters:
    _meshapi_aio_function = pytest_asyncio.fixture(_fixture(), loop_scope="function")
    _meshapi_aio_class = pytest_asyncio.fixture(_fixture(), loop_scope="class")
    _meshapi_aio_module = pytest_asyncio.fixture(_fixture(), loop_scope="module")
    _meshapi_aio_package = pytest_asyncio.fixture(_fixture(), loop_scope="package")
    _meshapi_aio_session = pytest_asyncio.fixture(_fixture(), loop_scope="session")


@pytest.fixture
def _meshapi_aio(request: pytest.FixtureRequest) -> Generator[_Both]:
    """Run a gateway and a client of it by what runs the test, and tell at the end what was not followed."""
    both: _Both = request.getfixturevalue(_name(request))
    request.node.stash[_GATEWAY] = both[0]
    yield both
    if request.node.stash.get(_PASSED, False):
        _tell(both[0])


def _tell(gateway: FakeGateway) -> None:
    """Fail a test that has passed, of what was not followed of the script."""
    failure = gateway._run.failure(None)  # noqa: SLF001 (to tell what was raised before from what was not)
    if failure is None:
        return
    if failure.__traceback__ is not None:
        raise failure
    pytest.fail("\n".join([str(failure), *getattr(failure, "__notes__", ())]), pytrace=False)


def _name(request: pytest.FixtureRequest) -> str:
    """Return the name of the fixture that goes with a test; fails the test where none does."""
    function = request.function
    if hasattr(function, "hypothesis"):
        function = function.hypothesis.inner_test
    if not inspect.iscoroutinefunction(function):
        _refuse(f"{request.node.name} is not async; GatewayProcess serves what runs in no event loop")
    marker = request.node.get_closest_marker("asyncio")
    if marker is not None and request.config.pluginmanager.has_plugin("asyncio"):
        default = request.config.getini("asyncio_default_test_loop_scope")
        return f"_meshapi_aio_{marker.kwargs.get('loop_scope') or default}"
    if "anyio_backend" in request.fixturenames:
        backend = request.getfixturevalue("anyio_backend")
        name = backend if isinstance(backend, str) else backend[0]
        if name == "asyncio":
            return "_meshapi_aio_anyio"
        _refuse(f"{request.node.name} runs on {name}; let the fixture anyio_backend return 'asyncio'")
    return _refuse(
        f"{request.node.name} is run by a plugin that is not known; known are pytest-asyncio, pytest-aiohttp "
        "and anyio's. With others use 'async with FakeGateway() as gateway'"
    )


def _refuse(reason: str) -> NoReturn:
    """Fail a test that the gateway cannot serve."""
    pytest.fail(f"mesh_gateway runs in the asyncio event loop of a test, and {reason}", pytrace=False)


@pytest.fixture
def mesh_gateway(_meshapi_aio: _Both) -> FakeGateway:
    """
    Run a ``FakeGateway`` for one test.

    ``@pytest.mark.mesh_gateway(...)`` on the test, its class or its module gives the arguments. When the test
    has passed, what was not followed of the script fails it; an error of the test itself gets it as notes.
    """
    return _meshapi_aio[0]


@pytest.fixture
def mesh_client(_meshapi_aio: _Both) -> MeshAPI:
    """
    Run a ``MeshAPI`` for the gateway of ``mesh_gateway``, for one test.

    It is as any other, but that it does not pause before it tries again where the gateway does not ask it to.
    """
    return _meshapi_aio[1]


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "mesh_gateway(**options): the arguments of the FakeGateway of the mesh_gateway fixture"
    )


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, None]:
    """Tell a test that fails what the script has against the requests."""
    outcome = yield
    gateway = item.stash.get(_GATEWAY, None)
    if gateway is None:
        return
    if outcome.excinfo is None:
        item.stash[_PASSED] = True
    else:
        gateway.check(outcome.excinfo[1])


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain ``assert request.call == CreateChatCompletion(...)`` by what differs."""
    if op != "==" or not isinstance(left, Call | StreamCall) or not isinstance(right, Call | StreamCall):
        return None
    return ["the call is not the expected one", *unlike_call(right, left)]
