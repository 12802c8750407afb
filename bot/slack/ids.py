"""Names that builder, listener, manifest and test must agree on."""

from enum import StrEnum

EMAIL_PROFILE = "/email-profile"
EMAIL_EXTRA = "/email-extra"
EMAIL_TEST = "/email-test"
COMMANDS = (EMAIL_PROFILE, EMAIL_EXTRA, EMAIL_TEST)

EVENTS = ("app_home_opened", "message", "user_change", "app_uninstalled", "tokens_revoked")
SUBSCRIPTIONS = ("app_home_opened", "app_uninstalled", "message.im", "tokens_revoked", "user_change")
"""What the app is notified of: of messages, only those in people's own conversations with it."""

SCOPES = ("commands", "chat:write", "users:read", "users:read.email", "files:write")
OPTIONAL_SCOPES = ("im:history",)
"""Scopes without which everything works but the answer to a plain message."""


class ShortcutId(StrEnum):
    """Callback ids of the shortcuts in a message's menu."""

    EMAIL_MESSAGE = "email_message"


class ViewId(StrEnum):
    """Callback ids of the modals."""

    PROFILE = "email_profile"
    EXTRAS = "extra_configurations"
    ADD_EXTRA = "add_configuration"
    DEFAULTS = "workspace_defaults"
    CONFIRM_ADDRESS = "confirm_address"
    EMAIL_MESSAGE = "email_message"
    ADD_PROGRAM = "add_program"


class ActionId(StrEnum):
    """Action ids of buttons and menus."""

    EDIT = "edit_profile"
    TEST = "test_profile"
    DELETE = "delete_profile"
    OPEN_EXTRAS = "open_extras"
    USE_TLS = "use_tls"
    USE_SSL = "use_ssl"
    APPLY_FIX = "apply_fix"
    UNDO_FIX = "undo_fix"
    SEND_MESSAGE = "send_message"
    CONFIRM_ADDRESS = "confirm_address"
    TRANSCRIPT = "show_transcript"
    STOP_TEST = "stop_test"
    FORM_TEST = "form_test"
    FORM_EXTRAS = "form_extras"
    FORM_FIX = "form_fix"
    FORM_AUTHENTICATE = "form_authenticate"
    FORM_FIND = "form_find"
    FORM_USE_FOUND = "form_use_found"
    FORM_OTHER_FOUND = "form_other_found"
    LIST_ADD = "list_add"
    LIST_EDIT = "list_edit"
    LIST_REMOVE = "list_remove"
    CHOOSE_EXTRA = "choose_extra"
    SWITCH_IN_FORM = "switch_in_form"
    KEEP_IN_FORM = "keep_in_form"
    VALUE = "value"
    SET_PRIVATELY = "set_privately"
    FORM_PRIVATELY = "form_privately"
    OPEN_LINK = "open_link"
    PEOPLE_SEARCH = "people_search"
    PEOPLE_STATE = "people_state"
    PEOPLE_ORDER = "people_order"
    PEOPLE_PAGE = "people_page"
    PEOPLE_BACK = "people_back"
    PEOPLE_ROW = "people_row"
    PEOPLE_OPEN = "people_open"
    PEOPLE_TEST = "people_test"
    PEOPLE_EXPORT = "people_export"
    PEOPLE_CAUSE = "people_cause"
    PEOPLE_FIX = "people_fix"
    PEOPLE_ALL = "people_all"
    PEOPLE_REMIND = "people_remind"
    REMIND_THESE = "remind_these"
    TEST_THESE = "test_these"
    RUN_STOP = "run_stop"
    RUN_SHOW = "run_show"
    RUN_FIX = "run_fix"
    RUN_TEST = "run_test"
    RUN_UNDO = "run_undo"
    EMAIL_SET_UP = "email_set_up"
    HISTORY_OLDER = "history_older"
    DEFAULTS_EDIT = "defaults_edit"
    DEFAULTS_MOVE = "defaults_move"
    PROGRAMS = "programs"
    PROGRAM_ADD = "program_add"
    PROGRAM_REMOVE = "program_remove"
    PROGRAM_SETTINGS = "program_settings"


OWNER_IN_VALUE = frozenset(
    {
        ActionId.EDIT,
        ActionId.TEST,
        ActionId.DELETE,
        ActionId.OPEN_EXTRAS,
        ActionId.USE_TLS,
        ActionId.USE_SSL,
        ActionId.SEND_MESSAGE,
        ActionId.TRANSCRIPT,
        ActionId.PROGRAMS,
        ActionId.PROGRAM_ADD,
    }
)
"""Buttons of messages whose value is the user id of the profile's owner, and nothing else."""
