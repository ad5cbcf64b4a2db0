"""The revisions as the files' names tell them, and as the files themselves do."""

from alembic.config import Config
from alembic.script import ScriptDirectory

from titer.kit.db.revisions import known_revisions, newest_revision, scripts


def test_the_names_of_the_files_tell_what_the_files_say() -> None:
    config = Config()
    config.set_main_option("script_location", str(scripts()))
    directory = ScriptDirectory.from_config(config)
    assert list(known_revisions()) == [each.revision for each in directory.walk_revisions()]
    assert newest_revision() == directory.get_current_head()
