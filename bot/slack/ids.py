"""Names that builder, listener, manifest and test must agree on."""

from enum import StrEnum

EMAIL_PROFILE = "/email-profile"
EMAIL_EXTRA = "/email-extra"
EMAIL_TEST = "/email-test"
COMMANDS = (EMAIL_PROFILE, EMAIL_EXTRA, EMAIL_TEST)

EVENTS = ("app_home_opened", "user_change", "app_uninstalled", "tokens_revoked")
SCOPES = ("commands", "chat:write", "users:read", "users:read.email")


class ViewId(StrEnum):
    """Callback ids of the modals."""

    PROFILE = "email_profile"
    EXTRAS = "extra_configurations"
    ADD_EXTRA = "add_configuration"


class ActionId(StrEnum):
    """Action ids of buttons and menus; in messages their value is the owner's user id."""

    EDIT = "edit_profile"
    TEST = "test_profile"
    DELETE = "delete_profile"
    OPEN_EXTRAS = "open_extras"
    USE_TLS = "use_tls"
    USE_SSL = "use_ssl"
    APPLY_FIX = "apply_fix"
    UNDO_FIX = "undo_fix"
    SEND_MESSAGE = "send_message"
    TRANSCRIPT = "show_transcript"
    FORM_TEST = "form_test"
    FORM_EXTRAS = "form_extras"
    LIST_ADD = "list_add"
    LIST_EDIT = "list_edit"
    LIST_REMOVE = "list_remove"
    CHOOSE_EXTRA = "choose_extra"
    SWITCH_IN_FORM = "switch_in_form"
    KEEP_IN_FORM = "keep_in_form"
    VALUE = "value"
