import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, link, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pathOf } from '../../../src/images/index/entry-key.ts';
import { indexLayer, tarLine } from '../../support/layer-index.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'berth-layer-'));
  await makeTree(join(folder, 'tree'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Files of every kind that needs no privilege, and names that need extended headers. */
async function makeTree(tree: string): Promise<void> {
  const deep = join(tree, 'deep', 'd'.repeat(90), 'e'.repeat(90));
  await mkdir(join(tree, 'etc'), { recursive: true });
  await mkdir(deep, { recursive: true });
  await writeFile(join(tree, 'etc', 'passwd'), 'root:x:0:0::/root:/bin/sh\n');
  await writeFile(join(tree, 'etc', 'empty'), '');
  await writeFile(join(tree, 'etc', '.wh.removed'), '');
  await writeFile(join(tree, 'etc', 'größe 文件'), 'x'.repeat(513));
  await writeFile(join(deep, 'f'.repeat(120)), 'y'.repeat(100_000));
  await link(join(deep, 'f'.repeat(120)), join(tree, 'etc', 'hard'));
  await symlink(`${'../deep/'.repeat(30)}x`, join(tree, 'etc', 'soft'));
  await chmod(join(tree, 'etc', 'passwd'), 0o4755);
  await chmod(join(tree, 'etc'), 0o1777);
  spawnSync('mkfifo', [join(tree, 'etc', 'pipe')]);
}

function tar(...options: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync('tar', ['--quoting-style=literal', ...options], {
    env: { ...process.env, TZ: 'UTC', LC_ALL: 'C.UTF-8' },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

/** What `tar -tv` prints, with one space between the columns and without slashes at the ends of names. */
function listedByTar(file: string): readonly string[] {
  const lines = tar('-tv', '--full-time', '-f', file).trimEnd().split('\n');
  return lines
    .map((line) =>
      line
        .replace(/ +/g, ' ')
        .replace(/\.\d+(?= )/, '')
        .replaceAll(' ./', ' ')
        .replaceAll(' link to ./', ' link to ')
        .replace(/\/$/, ''),
    )
    .sort();
}

async function archive(format: string): Promise<{ readonly file: string; readonly bytes: Buffer }> {
  const file = join(folder, `${format}.tar`);
  tar('-C', join(folder, 'tree'), `--format=${format}`, '--sort=name', '-cf', file, '.');
  return { file, bytes: await readFile(file) };
}

describe('the index of a layer', () => {
  test.each(['gnu', 'pax'])('has the entries that tar lists, for the format %s and each compression', async (format) => {
    const { file, bytes } = await archive(format);
    const expected = listedByTar(file);
    for (const blob of [bytes, gzipSync(bytes), zstdCompressSync(bytes)]) {
      const { entries } = await indexLayer(blob, {}, 1000);
      expect(entries.map(tarLine).sort()).toEqual(expected);
    }
  });

  test.each([
    ['of no bytes', Buffer.alloc(0)],
    ['that unpacks to no bytes', gzipSync('')],
    ['with the end mark only', Buffer.alloc(1024)],
  ])('of a layer %s has the root only, as clients unpack it', async (_, blob) => {
    const { entries } = await indexLayer(blob);
    expect(entries.map(pathOf)).toEqual(['']); // the root
  });

  test('has the SHA-256 of each file, and the place of its content', async () => {
    const { bytes } = await archive('gnu');
    const { entries } = await indexLayer(bytes);
    const files = entries.filter(({ type }) => type === 'file');
    expect(files.length).toBe(4);
    for (const { offset, sizeBytes, sha256 } of files) {
      const content = bytes.subarray(offset, offset + sizeBytes);
      expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
    }
    expect(entries.find((entry) => pathOf(entry) === 'etc')).toMatchObject({ files: 6, bytes: 26 + 513 });
  });
});
