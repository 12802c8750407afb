"""What is typed after a command: every spelling that is meant well is understood, the rest gets a sentence."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.slack.command_text import SUBCOMMANDS, Invocation, NotUnderstoodError, Subcommand, parse, spelled
from bot.slack.ids import COMMANDS, EMAIL_EXTRA, EMAIL_PROFILE, EMAIL_TEST
from tests.counts import scaled

WORDS = [
    (command, entry, word)
    for command, entries in SUBCOMMANDS.items()
    for entry in entries
    for word in (entry.name, *entry.also)
]
UNKNOWN_PERSON = "I don't know who that is. Choose the person from the list that Slack shows after @."
ADA = "<@U012AB3CD|ada>"


def refused(command: str, text: str) -> str:
    with pytest.raises(NotUnderstoodError) as caught:
        parse(command, text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("command", "everyday"), [(EMAIL_PROFILE, "show"), (EMAIL_EXTRA, "list"), (EMAIL_TEST, "test")]
)
@pytest.mark.parametrize("text", ["", " ", "\t\n ", "\0", " \0 \0"])
def test_no_text_means_the_everyday_subcommand(command: str, everyday: str, text: str) -> None:
    assert parse(command, text) == Invocation(subcommand=everyday, acts=everyday == "test")


def test_every_command_has_its_table_and_no_word_twice() -> None:
    assert set(SUBCOMMANDS) == set(COMMANDS)
    for entries in SUBCOMMANDS.values():
        words = [word for entry in entries for word in (entry.name, *entry.also)]
        assert len(words) == len(set(words))
        assert "" in words
        assert "help" in words


@pytest.mark.parametrize(("command", "entry", "word"), WORDS)
def test_every_subcommand_and_alias_is_understood_in_any_case(command: str, entry: Subcommand, word: str) -> None:
    arguments = ("TLS", "Y")[: entry.most]
    for typed in (word, word.upper(), word.title(), f"  {word} "):
        meant = Invocation(subcommand=entry.name, arguments=arguments, acts=entry.acts)
        assert parse(command, " ".join([typed, *arguments])) == meant


@pytest.mark.parametrize(("command", "entry", "word"), [row for row in WORDS if row[2] or not row[1].most])
def test_another_person_may_be_named_first_or_last(command: str, entry: Subcommand, word: str) -> None:
    arguments = ("TLS", "Y")[: entry.most]
    meant = Invocation(subcommand=entry.name, arguments=arguments, owner="U012AB3CD", acts=entry.acts)
    typed = " ".join(part for part in (word, *arguments) if part)
    assert parse(command, f"{ADA} {typed}") == meant
    assert parse(command, f"{typed} {ADA}") == meant
    assert parse(command, f"  {typed}   <@U012AB3CD>  ") == meant


def test_an_enterprise_id_names_a_person_and_a_channel_does_not() -> None:
    assert parse(EMAIL_TEST, "<@W9ZZ|grace>").owner == "W9ZZ"
    assert "I don't know" in refused(EMAIL_TEST, "<#C012AB3CD|general>")
    assert "I don't know" in refused(EMAIL_TEST, "<!subteam^S123|@staff>")


@pytest.mark.parametrize("text", ["@ada", "edit @ada", "show @ada lovelace"])
def test_a_name_that_slack_did_not_turn_into_a_person_is_explained(text: str) -> None:
    assert refused(EMAIL_PROFILE, text) == UNKNOWN_PERSON


def test_two_people_are_one_too_many() -> None:
    assert refused(EMAIL_PROFILE, "<@U1> edit <@U2>") == "`/email-profile edit` takes nothing behind it but `@user`."


@pytest.mark.parametrize("blank", ["\t", "\u00a0", "\n"])
def test_a_person_named_last_is_found_behind_any_blank(blank: str) -> None:
    assert parse(EMAIL_EXTRA, f"add FROM_NAME Ada{blank}{ADA}").owner == "U012AB3CD"


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("add REPLY_TO <mailto:a@b.example|a@b.example>", "a@b.example"),
        ("add REPLY_TO <mailto:a@b.example>", "a@b.example"),
        ("add HELO <http://pc17.example.com|pc17.example.com>", "pc17.example.com"),
        ("add HELO <https://pc17.example.com>", "https://pc17.example.com"),
        ("add FROM_NAME Ada &amp; Grace", "Ada & Grace"),
        ("add FROM_NAME &lt;Ada&gt;", "<Ada>"),
        ("add FROM_NAME a &amp;lt; b", "a &lt; b"),
        ("add FROM_NAME &lt;mailto:x|y&gt;", "<mailto:x|y>"),
        (
            "add FROM_NAME see <http://a.example/?x=1&amp;y=2> or <mailto:a@b.example|me>",
            "see http://a.example/?x=1&y=2 or me",
        ),
        ("add FROM_NAME   Ada   Lovelace  ", "Ada   Lovelace"),
        ("add\0FROM_NAME\0Ada\0", "Ada"),
        ("add\nFROM_NAME\tAda", "Ada"),
        ('add FROM_NAME "Ada"', '"Ada"'),
    ],
)
def test_a_value_arrives_as_it_was_typed(typed: str, value: str) -> None:
    assert parse(EMAIL_EXTRA, typed).arguments[1] == value


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("<!here>", "@here"),
        ("<!channel|channel> Ada", "@channel Ada"),
        ("<!subteam^S123|@staff>", "@staff"),
        ("<!subteam^S123|staff>", "@staff"),
        ("the <#C012AB3CD|general> bot", "the #general bot"),
        ("<@U012AB3CD|ada> and sons", "@ada and sons"),
        ("Ada :rocket:", "Ada \U0001f680"),
        (":rocket: Ada", "\U0001f680 Ada"),
        (":wave::skin-tone-3: Ada", "\U0001f44b\U0001f3fc Ada"),
        ("Ada :partyparrot:", "Ada :partyparrot:"),
        ("12:b:30", "12:b:30"),
        ("<smtp://a.example>", "smtp://a.example"),
        ("<tel:+4930|+49 30>", "+49 30"),
        ("<!date^1^{date}|today>", "today"),
    ],
)
def test_a_name_becomes_what_was_typed_whatever_slack_made_of_it(typed: str, value: str) -> None:
    assert parse(EMAIL_EXTRA, f"add FROM_NAME {typed}") == Invocation(
        subcommand="add", arguments=("FROM_NAME", value), acts=True
    )


def test_emoji_are_drawn_in_names_alone() -> None:
    assert parse(EMAIL_EXTRA, "add PIN aa:ab:cc").arguments == ("PIN", "aa:ab:cc")


@pytest.mark.parametrize("typed", ["<@U012AB3CD> and sons", "<#C012AB3CD>", "<#C012AB3CD|> x", "<!subteam^S123>"])
def test_a_mention_that_comes_as_an_id_alone_is_not_kept_as_a_name(typed: str) -> None:
    assert refused(EMAIL_EXTRA, f"add FROM_NAME {typed}") == (
        "Of a mention in here Slack passes on only an id. Write the name without @ or #."
    )


def test_a_mention_is_the_value_where_there_is_no_other_and_else_names_the_owner() -> None:
    alone = parse(EMAIL_EXTRA, f"add FROM_NAME {ADA}")
    assert (alone.arguments, alone.owner) == (("FROM_NAME", "@ada"), None)
    with_owner = parse(EMAIL_EXTRA, f"add FROM_NAME {ADA} <@U9|grace>")
    assert (with_owner.arguments, with_owner.owner) == (("FROM_NAME", "@ada"), "U9")
    owner_first = parse(EMAIL_EXTRA, f"<@U9|grace> add FROM_NAME {ADA}")
    assert (owner_first.arguments, owner_first.owner) == (("FROM_NAME", "@ada"), "U9")
    last = parse(EMAIL_EXTRA, f"add FROM_NAME Ada {ADA}")
    assert (last.arguments, last.owner) == (("FROM_NAME", "Ada"), "U012AB3CD")


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "TLS=Y",
            "TLS:Y",
            "TLS: Y",
            "TLS = Y",
            "TLS : Y",
            "TLS\u00a0Y",
            "TLS\u200bY",
            "TLS \u200b Y\ufeff",
            "“TLS Y”",
        ),
        *("`TLS Y`", "TLS\u2060=\u00a0Y"),
    ],
    ids=ascii,
)
def test_a_name_and_its_value_are_told_apart_however_they_are_written(typed: str) -> None:
    for text in (f"add {typed}", f"add\u00a0{typed}", f"\u200badd\u200b{typed}\u200b", f"/email-extra add {typed}"):
        assert parse(EMAIL_EXTRA, text).arguments == ("TLS", "Y")
    assert parse(EMAIL_EXTRA, f"add {typed} {ADA}".replace("”", "").replace("“", "").replace("`", "")).owner


@pytest.mark.parametrize("typed", ["“TLS”", '"TLS"', "'TLS'", "‘TLS’", "`TLS`", "„TLS“", "«TLS»", "‹TLS›"])
def test_quotes_around_a_name_are_not_part_of_it(typed: str) -> None:
    assert parse(EMAIL_EXTRA, f"add {typed} Y").arguments == ("TLS", "Y")
    assert parse(EMAIL_EXTRA, f"remove {typed}").arguments == ("TLS",)
    assert parse(EMAIL_EXTRA, f"{typed.replace('TLS', 'List')}").subcommand == "list"


@pytest.mark.parametrize(
    ("command", "text", "sentence"),
    [
        (EMAIL_EXTRA, "add", "Something is missing. Write it as `/email-extra add NAME VALUE`."),
        (EMAIL_EXTRA, "add TLS", "Something is missing. Write it as `/email-extra add NAME VALUE`."),
        (EMAIL_EXTRA, f"add TLS {ADA}", "Something is missing. Write it as `/email-extra add NAME VALUE`."),
        (EMAIL_EXTRA, "remove", "Something is missing. Write it as `/email-extra remove NAME`."),
        (EMAIL_EXTRA, "list TLS", "`/email-extra` takes nothing behind it but `@user`."),
        (EMAIL_PROFILE, "edit now", "`/email-profile edit` takes nothing behind it but `@user`."),
        (EMAIL_TEST, "help me", "`/email-test help` takes nothing behind it but `@user`."),
    ],
)
def test_a_wrong_number_of_words_is_answered_with_the_form(command: str, text: str, sentence: str) -> None:
    assert refused(command, text) == sentence


@pytest.mark.parametrize(
    ("command", "text", "sentence"),
    [
        (EMAIL_TEST, "tets", "I don't know `tets`. Did you mean `/email-test`?"),
        (EMAIL_TEST, "hlep", "I don't know `hlep`. Did you mean `/email-test help`?"),
        (EMAIL_PROFILE, "EDTI", "I don't know `EDTI`. Did you mean `/email-profile edit`?"),
        (EMAIL_PROFILE, "delte all", "I don't know `delte`. Did you mean `/email-profile delete`?"),
        (EMAIL_EXTRA, "ad TLS Y", "I don't know `ad`. Did you mean `/email-extra add NAME VALUE`?"),
        (EMAIL_EXTRA, "removed TLS", "I don't know `removed`. Did you mean `/email-extra remove NAME`?"),
        (EMAIL_EXTRA, "frobnicate", "I don't know `frobnicate`."),
        (EMAIL_EXTRA, "TLS Y", "I don't know `TLS`. Did you mean `/email-extra add TLS Y`?"),
        (EMAIL_EXTRA, "tls=on", "I don't know `tls=on`. Did you mean `/email-extra add TLS on`?"),
        (EMAIL_EXTRA, "TSL Y", "I don't know `TSL`. Did you mean `/email-extra add TLS Y`?"),
        (EMAIL_EXTRA, "SSL", "I don't know `SSL`. Did you mean `/email-extra add SSL Y`?"),
        (
            EMAIL_EXTRA,
            f"from-name Ada {ADA}",
            "I don't know `from-name`. Did you mean `/email-extra add FROM_NAME Ada @ada`?",
        ),
        (EMAIL_PROFILE, "TLS Y", "I don't know `TLS`. Did you mean `/email-extra add TLS Y`?"),
        (EMAIL_PROFILE, "add TLS Y", "I don't know `add`. Did you mean `/email-extra add NAME VALUE`?"),
        (EMAIL_PROFILE, "transcript", "I don't know `transcript`. Did you mean `/email-test transcript`?"),
        (EMAIL_TEST, "edit@ada", "I don't know `edit@ada`. Did you mean `/email-profile edit @user`?"),
        (EMAIL_TEST, "/email-test@ada", "I don't know `/email-test@ada`. Did you mean `/email-test @user`?"),
        (EMAIL_TEST, "send@ada", "I don't know `send@ada`. Did you mean `/email-test send @user`?"),
        (EMAIL_TEST, "/email-tets", "I don't know `/email-tets`. Did you mean `/email-test`?"),
        (EMAIL_TEST, "/email-profile show", "I don't know `/email-profile`. Did you mean `/email-profile`?"),
        (EMAIL_TEST, "...", "I don't know `...`."),
        (EMAIL_EXTRA, "&lt;b&gt;", "I don't know `<b>`."),
        (EMAIL_EXTRA, "a`b\u202ec\x07d", "I don't know `a?b?c?d`."),
        pytest.param(EMAIL_EXTRA, "q" * 4000, f"I don't know `{'q' * 29}…`.", id="long"),
    ],
)
def test_an_unknown_word_is_named_with_the_nearest_subcommand(command: str, text: str, sentence: str) -> None:
    assert refused(command, text) == sentence


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "text", ["password canary", "PASSWORD=canary", "my-passwd:canary", "Passwort", "secret=canary", "token"]
)
def test_a_secret_is_refused_and_never_repeated(command: str, text: str) -> None:
    sentence = refused(command, text)
    assert sentence.startswith("Passwords do not belong into a command")
    assert "canary" not in sentence


@pytest.mark.parametrize("text", ["TLS password=canary", "HELO secret canary", "FORM_NAME token canary"])
def test_a_secret_behind_the_name_of_an_extra_configuration_is_not_repeated(text: str) -> None:
    sentence = refused(EMAIL_EXTRA, text)
    assert "Did you mean `/email-extra add " in sentence
    assert "canary" not in sentence


@pytest.mark.parametrize("text", ["list.", "LIST!", "“list”", "\u200blist\u00a0", "`list`", "/email-extra list"])
def test_a_subcommand_is_understood_with_signs_and_blanks_around_it(text: str) -> None:
    assert parse(EMAIL_EXTRA, text).subcommand == "list"


@pytest.mark.parametrize("text", ["pwd=canary", "pass:canary", "pw=canary"])
def test_a_secret_in_a_short_spelling_is_not_repeated_either(text: str) -> None:
    assert "canary" not in refused(EMAIL_PROFILE, text)


def test_a_subcommand_is_spelled_as_one_types_it() -> None:
    forms = {command: [spelled(command, entry) for entry in entries] for command, entries in SUBCOMMANDS.items()}
    assert forms[EMAIL_EXTRA] == [
        "/email-extra",
        "/email-extra add NAME VALUE",
        "/email-extra remove NAME",
        "/email-extra help",
    ]
    assert forms[EMAIL_TEST][0] == "/email-test"
    assert forms[EMAIL_PROFILE][0] == "/email-profile"


typed_texts = st.one_of(
    st.text(st.characters(), max_size=200),
    st.text(alphabet="\x00\n\t <>@|&;`'\"“”UW0AZaz*_~", max_size=60),
    st.lists(
        st.one_of(
            st.sampled_from(
                sorted(
                    {word for _, _, word in WORDS}
                    | {ADA, "<@U1>", "<@", "@x", "TLS", "FROM_NAME", "Y", "=", "password", "`", "<!here>", "<#C1|x>"}
                )
            ),
            st.text(st.characters(), max_size=12),
        ),
        max_size=6,
    ).map(" ".join),
)


@given(command=st.sampled_from(COMMANDS), text=typed_texts)
@settings(max_examples=scaled(quick=300, full=50_000), deadline=None)
@example(command=EMAIL_EXTRA, text="DELETE `")
@example(command=EMAIL_EXTRA, text="remove ` `")
@example(command=EMAIL_EXTRA, text="add TLS `")
def test_any_text_is_an_invocation_or_gets_a_sentence(command: str, text: str) -> None:
    try:
        invocation = parse(command, text)
    except NotUnderstoodError as error:
        sentence = str(error)
        assert sentence[0].isupper() or sentence[0] == "`"
        assert sentence[-1] in ".?"
        assert len(sentence) < 250
        assert sentence.isprintable()
        return
    entry = next(entry for entry in SUBCOMMANDS[command] if entry.name == invocation.subcommand)
    assert len(invocation.arguments) == entry.most
    assert all(one.strip() for one in invocation.arguments)
    assert invocation.owner is None or invocation.owner.startswith(("U", "W"))
