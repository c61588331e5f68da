import { expect, jest, test } from '@jest/globals';
import { hashKey, idIn, isKeyOf, newKey } from './secrets.js';
import { KeyVerifier } from './verifier.js';

/** A verifier whose hashes end when the test says so. */
const slow = (isRight = true) => {
  const ends: (() => void)[] = [];
  const verify = jest.fn(() => new Promise<boolean>((resolve) => ends.push(() => resolve(isRight))));
  let now = 0;
  const verifier = new KeyVerifier(verify, () => now);
  return { ends, verify, verifier, pass: (milliseconds: number) => (now += milliseconds) };
};

const mayTry = () => undefined;

test('a key is known by what is kept of it, another is not, and nothing kept tells the key', async () => {
  const { id, key } = newKey();
  const kept = await hashKey(key);
  expect(idIn(key)).toBe(id);
  expect(kept).not.toContain(key.slice(-43));
  expect([await isKeyOf(key, kept), await isKeyOf(newKey().key, kept)]).toEqual([true, false]);
  expect(await hashKey(key)).not.toBe(kept);
});

test('a right key costs one hash in five minutes; after that, or where another hash is kept, it is checked again', async () => {
  const { ends, verify, verifier, pass } = slow();
  const ask = async (hash = 'hash') => {
    const answer = verifier.isRight('a', 'key', hash, mayTry);
    ends.splice(0).forEach((end) => end());
    return answer;
  };
  expect([await ask(), await ask()]).toEqual([true, true]);
  expect(verify).toHaveBeenCalledTimes(1);
  await ask('other');
  expect(verify).toHaveBeenCalledTimes(2);
  pass(5 * 60_000);
  await ask('other');
  expect(verify).toHaveBeenCalledTimes(3);
});

test('a wrong key is wrong every time, and is remembered by nothing', async () => {
  const { ends, verify, verifier } = slow(false);
  for (let times = 0; times < 2; times++) {
    const answer = verifier.isRight('a', 'key', 'hash', mayTry);
    ends.splice(0).forEach((end) => end());
    expect(await answer).toBe(false);
  }
  expect(verify).toHaveBeenCalledTimes(2);
});

test('two hashes at a time; four waiting for one id; others are still checked', async () => {
  const { ends, verify, verifier } = slow();
  const guesses = [1, 2, 3, 4].map((n) => verifier.isRight('a', `guess ${n}`, 'hash', mayTry));
  expect(verify).toHaveBeenCalledTimes(2);
  await expect(verifier.isRight('a', 'guess 5', 'hash', mayTry)).rejects.toMatchObject({ code: 'unavailable' });
  const other = verifier.isRight('b', 'key', 'hash', mayTry);
  for (let done = 0; done < 5; done++) {
    ends.shift()?.();
    await new Promise(setImmediate);
    expect(verify.mock.calls.length - done).toBeLessThanOrEqual(3);
  }
  expect(await Promise.all([...guesses, other])).toEqual([true, true, true, true, true]);
  const again = verifier.isRight('a', 'guess 6', 'hash', mayTry);
  ends.shift()?.();
  expect(await again).toBe(true);
});

test('no more than 32 wait, whatever their ids', async () => {
  const { ends, verifier } = slow();
  const all = Array.from({ length: 34 }, (_, n) => verifier.isRight(`id ${n}`, `key ${n}`, 'hash', mayTry));
  await expect(verifier.isRight('one more', 'key', 'hash', mayTry)).rejects.toMatchObject({ code: 'unavailable' });
  while (ends.length > 0) {
    ends.splice(0).forEach((end) => end());
    await new Promise(setImmediate);
  }
  expect((await Promise.all(all)).every(Boolean)).toBe(true);
});
