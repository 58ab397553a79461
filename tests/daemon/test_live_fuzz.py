# SPDX-License-Identifier: BSD-2-Clause
"""Messages that are nearly right, sent to a daemon (tests/fuzz/live_messages.py), do it no harm."""

from conftest import both_users
import live_messages

CONFIG = "[region 0]\ntype=dynamic\nsize=64M\n[device 0.0]\nsize=8M\n[region 1]\n[device 1.0]\nsize=4M\n"
MESSAGES = 1500


@both_users
def test_messages_at_random(daemon):
    """The daemon answers afterwards and can be stopped."""
    d = daemon(CONFIG)
    d.control("list")
    fuzz = live_messages.LiveFuzz(d.dir, seed=1)
    fuzz.run(MESSAGES)
    print(f"\n{fuzz.answered} answered, {fuzz.refused} refused, {fuzz.dropped} dropped")
    assert fuzz.answered - fuzz.refused > MESSAGES / 20 and fuzz.refused > MESSAGES / 20
    assert fuzz.dropped > MESSAGES / 20
    assert d.control("list")
