"""Every setting, read once from the environment and handed down. Nothing imports a global."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What an operator may set, each as `TITER_<NAME>`, in the environment or in a `.env` file."""

    model_config = SettingsConfigDict(
        env_prefix="TITER_",
        env_file=".env",
        # What stands there without a value is left as it is by default.
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    database_url: SecretStr = Field(
        default=SecretStr("sqlite:///var/titer.db"),
        description="Where the records live: sqlite:///PATH, or postgresql://USER:PASSWORD@HOST/DB "
        "as a role that owns nothing and bypasses nothing (titer_app).",
    )
    owner_database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL only: the same database as the role that owns the tables. "
        "`titer migrate` uses it; a server needs it only to set up an empty database.",
    )
    backup_database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL only: the same database as a role that row-level security does not "
        "bind, a superuser or one with BYPASSRLS. `titer backup` and `titer restore` use it.",
    )
    db_pool_size: int = Field(default=10, ge=1, description="Connections per worker.")
    db_pooler: Literal["none", "transaction"] = Field(
        default="none",
        description="`transaction` when pgbouncer in transaction mode stands in between.",
    )
    db_timeout: float = Field(
        default=4.0, gt=0, description="Seconds that a database may take before we answer 503."
    )
    valkey_url: SecretStr | None = Field(
        default=None,
        description="redis://HOST:PORT/0 of a Valkey or Redis that counts requests for all "
        "workers together. Without it each worker counts for itself.",
    )
    rate_limit: int = Field(default=120, ge=1, description="Requests per key and minute.")
    results_rate_limit: int = Field(
        default=300, ge=1, description="Requests per key and minute of the Results API."
    )
    webhook_seconds: float = Field(
        default=2.0, gt=0, description="How often the outbox of webhooks is looked through."
    )
    webhook_allowed_hosts: str = Field(
        default="",
        description="Hosts, separated by blanks, that webhooks may go to over http and within the "
        "own network. Every other must be https on the public internet.",
    )
    upload_rate_limit: int = Field(
        default=20, ge=1, description="Instrument uploads per key and minute."
    )
    sign_in_rate_limit: int = Field(
        default=30, ge=1, description="Attempts to sign in per network address and minute."
    )
    failed_auth_limit: int = Field(
        default=30,
        ge=1,
        description="Failed authentications per address and minute, before the next ones are "
        "answered 429 in place of 401.",
    )
    llm_provider: Literal["none", "openai", "anthropic"] = Field(
        default="none",
        description="Who else may read instrument files that the built-in rules find hard, for "
        "organizations that allow it. `openai` is any server that speaks OpenAI's chat "
        "completions. It sees an excerpt, and answers with columns and rows, never with values.",
    )
    llm_base_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Where it answers, without the last part of the path: http://localhost:8080/v1 "
        "for `openai`, https://api.anthropic.com for `anthropic`.",
    )
    llm_model: str | None = Field(default=None, description="The model's name; required with one.")
    llm_api_key: SecretStr | None = Field(default=None, description="The key that it wants.")
    llm_timeout: float = Field(
        default=20.0, gt=0, le=120, description="Seconds that each of two attempts may take."
    )
    session_hours: float = Field(default=12.0, gt=0, description="How long a sign-in lasts.")
    audit_anchor_file: Path | None = Field(
        default=Path("var/audit-anchors.ndjson"),
        description="Where the heads of the audit chains are written down, one JSON object a line. "
        "Copy it elsewhere: a rewritten chain shows only against a head kept out of reach.",
    )
    audit_seal_seconds: float = Field(
        default=1.0,
        gt=0,
        description="PostgreSQL only: how long an audit event waits for its place in the chain. "
        "On SQLite it is linked in the transaction that writes it.",
    )
    audit_anchor_minutes: float = Field(
        default=10.0, gt=0, description="How often the heads are written down."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least serious message that is logged."
    )
    log_format: Literal["json", "console"] = Field(
        default="json", description="`console` is easier on the eyes while developing."
    )
    drain_seconds: float = Field(
        default=0.0, ge=0, description="How long /readyz says no before a stopping server closes."
    )
    metrics_token: SecretStr | None = Field(
        default=None, description="When set, /metrics wants it as a bearer token."
    )

    @model_validator(mode="after")
    def _check_language_model(self) -> "Settings":
        if self.llm_provider != "none" and not self.llm_model:
            raise ValueError("TITER_LLM_PROVIDER needs TITER_LLM_MODEL")
        return self

    @property
    def on_postgresql(self) -> bool:
        return self.database_url.get_secret_value().startswith(("postgresql", "postgres:"))

    @property
    def sqlite_path(self) -> Path:
        return Path(self.database_url.get_secret_value().removeprefix("sqlite:///"))
