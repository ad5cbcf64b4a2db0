"""What ships beside the code: the example of settings, the image, the composition."""

import re
import shlex
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from titer.settings import Settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
#: What only docker-compose.yml reads, with no value that anybody could keep by mistake.
PASSWORDS = {
    "TITER_SUPERUSER_PASSWORD",
    "TITER_OWNER_PASSWORD",
    "TITER_APP_PASSWORD",
    "TITER_VALKEY_PASSWORD",
}


def example_of(name: str) -> str:
    """A setting as `.env.example` should show it: what it is, and its default, commented out."""
    field = Settings.model_fields[name]
    words = textwrap.fill(str(field.description), 96, initial_indent="# ", subsequent_indent="# ")
    default = field.default
    assert default is not PydanticUndefined, f"{name} has no default"
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    return f"{words}\n#TITER_{name.upper()}={'' if default is None else default}\n"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_example_with_its_meaning_and_default(name: str) -> None:
    assert example_of(name) in EXAMPLE


def test_the_example_shows_no_setting_that_there_is_not() -> None:
    shown = set(re.findall(r"^#?(TITER_\w+)=", EXAMPLE, re.MULTILINE))
    settings = {f"TITER_{name.upper()}" for name in Settings.model_fields}
    assert shown - settings == PASSWORDS | {"TITER_WORKERS", "TITER_PUBLISH"}


def test_the_example_as_it_stands_changes_nothing(tmp_path: Path) -> None:
    uncommented = re.sub(r"^#(TITER_\w+=)", r"\1", EXAMPLE, flags=re.MULTILINE)
    for number, text in enumerate((EXAMPLE, uncommented)):
        path = tmp_path / f"{number}.env"
        path.write_text(text, "utf-8")
        assert Settings(_env_file=path) == Settings(_env_file=None)


def instructions(name: str) -> list[str]:
    """The arguments of every such instruction, with its continued lines joined."""
    joined = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{name}\s+(.+)$", joined, re.MULTILINE)


def test_the_image_runs_as_nobody_in_particular_and_watches_itself() -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER titer$", final, re.MULTILINE)
    assert "/livez" in instructions("HEALTHCHECK")[0]
    assert len(instructions("FROM")) == 2
    assert all(base.split()[0].endswith("-slim") for base in instructions("FROM"))
    assert "pip" not in final


def test_the_image_installs_what_the_lock_file_says_and_nothing_else() -> None:
    installs = [run for run in instructions("RUN") if " install " in run]
    assert "--require-hashes" in installs[0]
    assert "-r requirements.lock" in installs[0]
    assert "--no-index" in installs[1]
    assert all("--no-deps" in run for run in installs)
    assert not re.search(r"://(?!127\.0\.0\.1)|-url\b|-links\b", DOCKERFILE)


def test_what_the_image_copies_is_there_and_let_through() -> None:
    let_through = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    for copy in instructions("COPY"):
        if not copy.startswith("--from"):
            for source in shlex.split(copy)[:-1]:
                assert (ROOT / source).exists()
                assert Path(source).name in let_through


def test_no_password_is_baked_in() -> None:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    for name in PASSWORDS:
        assert set(re.findall(rf"\$\{{{name}([^}}]*)\}}", text)) == {":?set it in .env"}
        assert re.search(rf"^{name}=$", EXAMPLE, re.MULTILINE)


def test_each_part_knows_only_the_password_that_it_needs() -> None:
    known = {
        name: {word for word in PASSWORDS if word in str(service.get("environment", {}))}
        for name, service in COMPOSE["services"].items()
    }
    assert known == {
        "postgres": {"TITER_SUPERUSER_PASSWORD"},
        "valkey": {"TITER_VALKEY_PASSWORD"},
        "prepare": PASSWORDS - {"TITER_VALKEY_PASSWORD"},
        "migrate": {"TITER_OWNER_PASSWORD", "TITER_APP_PASSWORD"},
        "titer": {"TITER_APP_PASSWORD", "TITER_VALKEY_PASSWORD"},
    }


def test_the_server_starts_after_the_migrations_and_serves_as_the_lesser_role() -> None:
    services = COMPOSE["services"]
    done = "service_completed_successfully"
    assert services["titer"]["depends_on"]["migrate"] == {"condition": done}
    assert services["migrate"]["depends_on"]["prepare"] == {"condition": done}
    assert services["prepare"]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    serving = services["titer"]["environment"]
    assert serving["TITER_DATABASE_URL"].startswith("postgresql://titer_app:")
    assert "TITER_OWNER_DATABASE_URL" not in serving


def test_only_the_server_is_reached_from_outside() -> None:
    services = COMPOSE["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["titer"]
    assert COMPOSE["networks"]["data"] == {"internal": True}
    for name, service in services.items():
        assert "front" not in service["networks"] or name == "titer"


def test_every_service_that_stays_is_watched_and_keeps_its_data() -> None:
    for name, service in COMPOSE["services"].items():
        if service.get("restart") == "unless-stopped" and "build" not in service:
            assert service["healthcheck"]["test"], name
        for volume in service.get("volumes", ()):
            assert volume.partition(":")[0] in COMPOSE["volumes"], name


def test_what_the_composition_sets_are_settings() -> None:
    settings = {f"TITER_{name.upper()}" for name in Settings.model_fields}
    foreign = {"FORWARDED_ALLOW_IPS", "PROMETHEUS_MULTIPROC_DIR"}
    for name in ("migrate", "titer"):
        assert set(COMPOSE["services"][name]["environment"]) <= settings | foreign
