"""Writes canonical-table.json: what a real Python prints for each text. Run it with `python3 test/unit/json/make-canonical-table.py`.

JavaScript has one kind of number. A canonical text holds whole numbers below 1e21 as digits, so they are read as ints here
however they were written, and larger ones as floats; a negative zero, however written, stays one.
"""

import json
from pathlib import Path

NUMBERS = """
0 -0 -0.0 0.0 0e5 1 -1 10 42 -273 1.0 -7.0 100e-2 12.5e1
4294967295 4294967296 -2147483648 9007199254740991 -9007199254740991 9007199254740992 -9007199254740992
9007199254740994 1152921504606846976 -1152921504606846976 9223372036854775808 18446744073709551616
1e15 1e16 -1e16 1.5e16 1E17 1e+18 1e19 1e20 -1e20 123456789012345683968 1.2345678901234568e20 999999999999999868928 100000000000000000000
1e21 -1e21 1000000000000000000000 1.5e21 1e22 1e23 1.7976931348623157e308 -1.7976931348623157e308 1e100 1.25e-100
1180591620717411303424
0.1 -0.1 0.2 0.30000000000000004 1.5 -2.25 3.141592653589793 0.5 123.456 1234567.891 9007199254740.993
4503599627370495.5 0.001 0.0001 0.00012345 -0.0001 0.0001234567890123456 1e-4 9.999e-5 0.00001 1e-5 -1e-5 1.5e-5 0.0000123
1e-6 1.25e-6 0.000001 1e-7 -1e-7 1.5e-7 1.234e-9 1e-10 1e-99 1e-100 5e-324 -5e-324 1e-400
2.2250738585072014e-308 2.225073858507201e-308 1e-323 0.8400000000000001 189.5 2.675 1e0 1E-2
""".split()

TEXTS = [
    "", " ", "plain", 'quote " backslash \\ slash / apostrophe \'', "\n\r\t\b\f", "".join(map(chr, range(1, 32))),
    "~\x7f\x80", "é ü ß ñ \xa0 \xff", "日本語", "\u2028\u2029", "\ufeff\uffff\ufffd", "😀", "a😀b👩‍💻", "\U0010ffff\U00010000",
    "</script>", "\\u0041", "9007199254740993", "1e400", "[1, 2]", "e\u0301",
]

OBJECTS = [
    {}, [], {"": 1}, {"b": 1, "a": 2}, {"10": 1, "9": 2, "1": 3, "-1": 4, "01": 5, "1.5": 6},
    {"\uffff": 1, "\U00010000": 2, "\ud7ff": 3, "\ue000": 4, "a": 5}, {"x\U0001f600": 1, "x\uff5e": 2, "x": 3},
    {"Z": 1, "a": 2, "_": 3, "A": 4, "": 5, " ": 6, "é": 7, "e": 8, "~": 9}, {"ab": 1, "a": 2, "abc": 3, "a\x7f": 4},
    {"\U00010000a": 1, "\U00010000": 2, "\U00010001": 3, "\uffffa": 4}, {'"': 1, "\\": 2, "/": 3, "\n": 4},
    {"constructor": 1, "toString": 2, "hasOwnProperty": 3, "length": 4}, [[], {}, [[]], [{}], None, True, False, "", 0],
    {"z": {"b": [{"d": None, "c": [True, False]}], "a": {}}, "y": [{"2": 0, "1": 0}]},
    {"data": {"symbol": "AAPL", "confidence": 0.84}, "event_id": "evt_1", "event_type": "prediction_complete"},
]

SPELLINGS = [
    '{"a":1,"b":2,"a":3}', ' [ 1 ,\t2\n,\r\n3 ] ', '"\\u0041\\u00e9\\/\\u2028"', '"\\ud83d\\ude00\\uD83D\\uDE00"',
    '{"\\u0062":1,"a":2}', "true", "null", '{"a":{"b":{"c":[1.0,{"d":1e16,"c":-0}]}}}',
]


def whole(value):
    return int(value) if value.is_integer() and abs(value) < 1e21 and str(value) != "-0.0" else value


def canonical(text):
    read = lambda digits: whole(float(digits))
    return json.dumps(json.loads(text, parse_float=read, parse_int=read), sort_keys=True)


def entry(given):
    expected = canonical(given)
    assert json.dumps(json.loads(expected), sort_keys=True) == expected, given
    members = [f'"given": {json.dumps(given)}', f'"expected": {json.dumps(expected)}']
    line = f"  {{ {', '.join(members)} }}"
    # Lines as Biome formats them, the comma included.
    return line if len(line) < 120 else "  {\n    " + ",\n    ".join(members) + "\n  }"


def nestings(text):
    deep = "[" * 30 + '{"k":' * 30 + text + "}" * 30 + "]" * 30
    return [text, f'{{"n":{text}}}', f"[{text},{text}]", f'{{"z":[{{"b":{text},"a":[[{text}]]}}]}}'], deep


givens = []
for number in NUMBERS:
    givens += nestings(number)[0]
for text in TEXTS:
    for written in dict.fromkeys([json.dumps(text), json.dumps(text, ensure_ascii=False)]):
        givens += [written, f"[{written}]", f'{{{written}:{{"k":{written}}}}}']
for value in OBJECTS:
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    givens += [written, json.dumps(value), f"[{written}]", f'{{"z":{written},"a":{written}}}']
givens += SPELLINGS
givens += [nestings(number)[1] for number in ["1e-5", "1e20", '"é"', '{"b":1,"a":2}']]

place = Path(__file__).with_name("canonical-table.json")
place.write_text("[\n" + ",\n".join(entry(given) for given in dict.fromkeys(givens)) + "\n]\n")
