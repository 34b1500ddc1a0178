import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { DamagedBackup, openContainer, writeContainer } from '../../../src/maintenance/backup/container.ts';

const beganAt = 1_700_000_000_000;

// eslint-disable-next-line @typescript-eslint/require-await -- a source of bytes is asynchronous
async function* once(bytes: Uint8Array, size = bytes.length): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Makes keys quickly: the tests read many files. */
const cost = { N: 16, r: 8, p: 1 };

const write = (content: Uint8Array, passphrase?: string) =>
  collect(writeContainer(beganAt, once(content, 10_000), passphrase, cost));

async function read(file: Uint8Array, passphrase?: string, size = 4096): Promise<Buffer> {
  const { content } = await openContainer(once(file, size), passphrase);
  return collect(content());
}

describe.each([
  ['not encrypted', undefined],
  ['encrypted', 'correct horse'],
])('the file of a backup, %s', (_what, passphrase) => {
  test.each([0, 1, 65_536, 65_537, 200_000])('returns %d bytes as they were', async (size) => {
    const content = randomBytes(size);
    const file = await write(content, passphrase);
    expect((await read(file, passphrase)).equals(content)).toBe(true);
    expect((await read(file, passphrase, 1_000_000)).equals(content)).toBe(true);
    expect((await openContainer(once(file), passphrase)).header).toMatchObject({ beganAt, format: 1 });
  });

  test('is refused with any flipped bit', async () => {
    const file = await write(randomBytes(150_000), passphrase);
    // Each byte of the header and of the first lengths, and some of the content.
    const places = [...Array(320).keys(), ...Array.from({ length: 40 }, (_, count) => 321 + count * 3700), file.length - 1];
    for (const place of places) {
      const damaged = Buffer.from(file);
      damaged[place] = (damaged[place] ?? 0) ^ (1 << (place % 8));
      await expect(read(damaged, passphrase)).rejects.toThrow(DamagedBackup);
    }
  });

  test('is refused if it is cut off, longer, or if chunks have changed places', async () => {
    const file = await write(randomBytes(3 * 65_536), passphrase);
    const chunk = 4 + 65_536 + (passphrase === undefined ? 32 : 16);
    const first = file.length - 3 * chunk;
    const swapped = Buffer.concat([
      file.subarray(0, first),
      file.subarray(first + chunk, first + 2 * chunk),
      file.subarray(first, first + chunk),
      file.subarray(first + 2 * chunk),
    ]);
    const wrong = [swapped, file.subarray(0, file.length - chunk), file.subarray(0, 5), Buffer.concat([file, Buffer.alloc(1)])];
    for (const bytes of wrong) await expect(read(bytes, passphrase)).rejects.toThrow(DamagedBackup);
  });
});

test('an encrypted backup shows nothing of its content, and needs its passphrase', async () => {
  const file = await collect(writeContainer(beganAt, once(Buffer.alloc(1000, 'secret ')), 'right'));
  expect(file.includes('secret')).toBe(false);
  await expect(read(file, 'wrong')).rejects.toThrow('its passphrase is another one');
  await expect(read(file)).rejects.toThrow('it is encrypted: set backup.passphrase');
});
