# SPDX-License-Identifier: BSD-2-Clause
"""One table a program: --help, man page, completion and configuration say the same, and none has a fault."""
import re
import shutil
import subprocess

import pytest

from rig import BUILD, ROOT

PROGRAMS = ["geotherm", "geotherm-node", "geotherm-server", "geotherm-selftest"]
CONFIGURED = ["geotherm-node", "geotherm-server"]


def run(program, *args):
    done = subprocess.run([BUILD / program, *args], capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout, done.stderr


def help_of(program):
    """The help of the program, or of all its commands."""
    code, text, err = run(program, "--help")
    assert code == 0 and err == ""
    for command in re.findall(r"^  ([a-z]+) +[a-z]", text, re.M) if "COMMAND" in text else []:
        code, more, err = run(program, command, "--help")
        assert code == 0 and err == "", f"{program} {command} --help"
        text += more
    return text


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_option_of_the_help_is_in_the_man_page_and_the_completion(program):
    options = set(re.findall(r"^ +(?:-\w, )?--([a-z-]+)", help_of(program), re.M))
    assert {"help", "version"} < options
    page = run(program, "--print-man")[1].replace("\\-", "-")
    completion = run(program, "--print-completion")[1]
    for option in options:
        assert re.search(rf"^\.B .*--{option}\b", page, re.M), option
        assert f"--{option}" in completion, option


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_completion_script_is_bash_and_completes_an_option(program):
    script = run(program, "--print-completion")[1]
    words = f"{program} get --time" if program == "geotherm" else f"{program} --vers"
    function = "_" + program.replace("-", "_")
    done = subprocess.run(["bash", "-euc", f'{script}\nCOMP_WORDS=({words}); COMP_CWORD=$(({len(words.split())} - 1))\n'
                           f'{function}; echo "${{COMPREPLY[@]}}"'], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("--timeout" if program == "geotherm" else "--version", "")


@pytest.mark.parametrize("words,offered", [("geotherm c", "ca"), ("geotherm ca re", "renew revoke"), ("geotherm ca --exp", "--expiring"),
                                           ("geotherm ca --role op", "operator"), ("geotherm bench han", "handshake")])
def test_the_completion_offers_commands_their_first_words_and_values(words, offered):
    script = run("geotherm", "--print-completion")[1]
    done = subprocess.run(["bash", "-euc", f'{script}\nCOMP_WORDS=({words}); COMP_CWORD=$(({len(words.split())} - 1))\n'
                           '_geotherm; echo "${COMPREPLY[@]}"'], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == (offered, "")


@pytest.mark.parametrize("words,offered", [("geotherm-setup ins", "install"), ("geotherm-setup install --uart p", "pl011"),
                                           ("geotherm-setup install --dr", "--dry-run")])
def test_the_completion_of_geotherm_setup_knows_what_its_help_has(words, offered):
    script = (ROOT / "dts/geotherm-setup.completion").read_text()
    done = subprocess.run(["bash", "-euc", f'{script}\nCOMP_WORDS=({words}); COMP_CWORD=$(({len(words.split())} - 1))\n'
                           '_geotherm_setup; echo "${COMPREPLY[@]}"'], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == (offered, "")
    shown = subprocess.run([ROOT / "dts/geotherm-setup", "--help"], capture_output=True, text=True).stdout
    for word in re.search(r"\*\) words='([^']*)'", script)[1].split():
        assert word in shown, word


@pytest.mark.parametrize("program,option", [(p, "--print-man") for p in PROGRAMS]
                         + [(p, "--print-conf-man") for p in CONFIGURED])
def test_no_man_page_has_a_fault(program, option):
    if not shutil.which("mandoc"):
        pytest.skip("mandoc is not installed")
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning"], input=run(program, option)[1],
                          capture_output=True, text=True)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("program", CONFIGURED)
def test_conf_5_has_every_key_and_print_config_is_a_configuration(program, tmp_path):
    config = run(program, "--print-config")[1]
    page = run(program, "--print-conf-man")[1]
    keys = re.findall(r"^;(\w+) =", config, re.M)
    assert len(keys) > 15
    assert re.findall(r"^\.TP\n\.B (\w+)$", page, re.M) == keys
    (tmp_path / "all.conf").write_text(config)
    code, _, err = run(program, "--config", tmp_path / "all.conf", "--check-config")
    assert "all.conf:" not in err, "every line of it is read"
    assert code in (0, 3), "what may be missing on this machine is a certificate"


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_wrong_option_is_named_and_ends_with_2(program):
    for wrong in ("--no-such-option", "-Z"):
        code, out, err = run(program, wrong)
        assert code == 2 and out == "" and wrong in err and err.startswith(f"{program}: ")
