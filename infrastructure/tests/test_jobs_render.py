from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from physai.infrastructure.jobs import WorkflowError
from physai.infrastructure.jobs.render import Value, render

FILE = Path("w.yaml")
HEAD = "workflow:\n  name: w\n"


def rendered(text: str, **values: Value) -> str:
    return render(FILE, text, values).text


def refused(text: str, **values: Value) -> str:
    with pytest.raises(WorkflowError) as caught:
        render(FILE, text, values)
    return str(caught.value)


def test_a_default_value_fills_a_variable_and_a_given_value_wins() -> None:
    text = "workflow:\n  name: {{ name }}\ndefault-values:\n  name: first\n"
    assert "name: first" in rendered(text)
    assert "name: second" in rendered(text, name="second")


def test_default_values_may_stand_before_the_workflow() -> None:
    assert "name: x" in rendered("default-values:\n  a: x\nworkflow:\n  name: {{a}}\n")


def test_runtime_tokens_survive_rendering() -> None:
    tokens = "{{output}} {{input:0}} {{input:make}} {{workflow_id}} {{uuid}} {{host:server}}"
    assert tokens in rendered(f"{HEAD}  x: '{tokens} {{{{ a }}}}'\ndefault-values: {{a: 1}}\n")


def test_an_empty_default_leaves_out_a_block() -> None:
    text = HEAD + "{%- if extra %}\n  extra: {{ extra }}\n{%- endif %}\ndefault-values:\n  extra: ''\n"
    assert "extra:" not in rendered(text).replace("default-values", "")
    assert "extra: yes" in rendered(text, extra="yes")


def test_a_loop_repeats_yaml() -> None:
    text = HEAD + "  tasks:\n{%- for i in range(n) %}\n  - name: t{{ i }}\n{%- endfor %}\ndefault-values:\n  n: 3\n"
    assert rendered(text).count("- name: t") == 3


def test_a_mapping_as_default_value_becomes_yaml() -> None:
    text = HEAD + "  resources: {{ r }}\ndefault-values:\n  r:\n    default: {cpu: 1}\n"
    assert "resources: {'default': {'cpu': 1}}" in rendered(text)


def test_comments_above_the_workflow_are_no_template() -> None:
    assert "name: w" in rendered("# write {{ anything }} {% here\n" + HEAD)


def test_an_unset_variable_is_named_with_its_line_and_a_near_name() -> None:
    message = refused("workflow:\n  name: w\n  pool: {{ pol }}\ndefault-values:\n  pool: a\n")
    assert message.startswith("w.yaml:3: variable 'pol' has no value.")
    assert "Did you mean 'pool'?" in message


def test_an_unset_variable_inside_an_untaken_branch_is_fine() -> None:
    assert rendered(HEAD + "{% if a %}{{ b }}{% endif %}\ndefault-values: {a: ''}\n")


@pytest.mark.parametrize("token", ["{{ output }}", "{{ uuid }}", "{{ workflow_id }}", "{{ input:0 }}", "{{ host:a }}"])
def test_a_token_with_spaces_is_refused_as_osmo_does(token: str) -> None:
    message = refused(f"{HEAD}  x: '{token}'\n")
    assert message.startswith("w.yaml:3: runtime tokens are written without spaces")


def test_a_broken_template_is_refused_with_its_line() -> None:
    assert refused(HEAD + "{% if %}\n").startswith("w.yaml:3: not a valid Jinja template")


def test_an_expression_that_fails_is_refused_with_its_line() -> None:
    assert refused(HEAD + "  x: {{ 1 / 0 }}\n").startswith("w.yaml:3: template cannot be filled in: division by zero")


def test_an_attack_on_python_is_refused() -> None:
    assert "template cannot be filled in" in refused(HEAD + "  x: {{ ''.__class__.__mro__ }}\n")


def test_a_value_for_a_variable_that_is_nowhere_is_refused() -> None:
    text = HEAD + "  x: {{ steps }}\ndefault-values:\n  steps: 1\n"
    assert "has no variable 'stpes'. Did you mean 'steps'?" in refused(text, stpes=2)


def test_a_value_for_a_runtime_token_is_refused() -> None:
    assert "'output' is OSMO's own" in refused(HEAD, output="/tmp")


def test_an_unknown_section_is_refused() -> None:
    assert refused("apiVersion: v1\n" + HEAD).startswith("w.yaml:1: apiVersion: unknown field.")
    assert "Did you mean 'default-values'?" in refused(HEAD + "default_values:\n  a: 1\n")


def test_a_section_that_is_there_twice_is_refused() -> None:
    assert refused(HEAD + HEAD).startswith("w.yaml:3: workflow: is there twice")


def test_a_file_without_workflow_is_refused() -> None:
    assert "workflow: is missing" in refused("version: 2\n")
    assert "workflow: is missing" in refused("")


def test_default_values_that_are_no_yaml_are_refused_with_their_line() -> None:
    assert refused(HEAD + "default-values:\n  a: [1\n").startswith("w.yaml:")
    assert "default-values: must hold lines" in refused(HEAD + "default-values:\n  - a\n")


def test_lines_are_those_of_the_file_even_after_a_loop_and_a_removed_block() -> None:
    loop = "{%- for i in range(3) %}\n  a{{ i }}: 1\n{%- endfor %}\n"
    text = f"workflow:\n{loop}{{% if some %}}\n  b: 2\n{{% endif %}}\n  c: 3\n"
    result = render(FILE, text + "default-values: {some: ''}\n", {})
    lines = {line.strip(): result.line(number) for number, line in enumerate(result.text.splitlines(), 1) if line}
    assert lines["a0: 1"] == lines["a1: 1"] == lines["a2: 1"] == 3
    assert lines["c: 3"] == 8


@given(st.text(st.characters(blacklist_characters="{}\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=200))
def test_text_without_braces_is_rendered_as_it_is(text: str) -> None:
    body = text.replace("\n", "\n  ")
    assert render(FILE, HEAD + f"  # {body}\n", {}).text == HEAD + f"  # {body}"


@given(st.text(max_size=300))
def test_any_text_is_rendered_or_refused(text: str) -> None:
    try:
        result = render(FILE, text, {}).text
    except WorkflowError as error:
        result = str(error)
    assert result
