from flows.printable import printable


def test_what_a_terminal_would_act_on_is_escaped_and_text_is_not() -> None:
    assert printable("\x1b[2J\x9b1m\u202e a “钢笔” é") == "\\x1b[2J\\x9b1m\\u202e a “钢笔” é"
