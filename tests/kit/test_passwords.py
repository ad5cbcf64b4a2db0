"""Argon2id, a few at a time; nobody's password is nobody's."""

import asyncio

from titer.kit.passwords import Passwords, hash_now

HASHED = hash_now("correct horse battery staple")


def test_a_password_is_kept_as_argon2id_with_a_salt_of_its_own() -> None:
    assert HASHED.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert hash_now("correct horse battery staple") != HASHED
    assert "correct" not in HASHED


def test_only_the_password_itself_matches() -> None:
    async def tries() -> list[bool]:
        passwords = Passwords()
        return [
            await passwords.verify("correct horse battery staple", HASHED),
            await passwords.verify("correct horse battery stapl", HASHED),
            await passwords.verify("", HASHED),
        ]

    assert asyncio.run(tries()) == [True, False, False]


def test_with_nothing_stored_no_password_matches_not_even_nobodys() -> None:
    async def tries() -> list[bool]:
        passwords = Passwords()
        return [
            await passwords.verify("anything at all", None),
            await passwords.verify("the password of nobody at all", None),
        ]

    assert asyncio.run(tries()) == [False, False]


def test_many_sign_ins_at_once_do_not_hold_up_the_loop() -> None:
    async def crowd() -> int:
        passwords = Passwords()
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.001)

        ticking = asyncio.create_task(tick())
        answers = await asyncio.gather(*(passwords.verify("wrong", HASHED) for _ in range(4)))
        ticking.cancel()
        assert answers == [False] * 4
        return ticks

    assert asyncio.run(crowd()) > 4
