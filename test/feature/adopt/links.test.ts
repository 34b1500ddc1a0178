import { describe, expect, test } from '@jest/globals';
import { type LinkEntry, readLinks, readTarget } from '../../../src/maintenance/adopt/read-links.ts';
import { repositoriesPrefix } from '../../../storage/blobs/distribution-links.ts';
import type { BlobDriver, StoredEntry } from '../../../storage/blobs/driver.ts';
import { digestOf } from '../../support/images.ts';

const [one, other] = [digestOf('one'), digestOf('other', 'sha512')];
const path = (digest: string) => digest.replace(':', '/');
const modifiedAt = new Date('2020-01-02T03:04:05Z');

/** A listing of the files, below the folder of the repositories. */
function listing(files: readonly string[], extra: readonly StoredEntry[] = []): Pick<BlobDriver, 'listEntries'> {
  const entries = files.map((file): StoredEntry => {
    return { path: repositoriesPrefix + file, kind: 'object', sizeBytes: 71, modifiedAt };
  });
  const all = [...entries, ...extra].sort((first, second) => (first.path < second.path ? -1 : 1));
  return {
    async *listEntries(prefix, { startAfter = '' } = {}) {
      yield* await Promise.resolve(all.filter((entry) => entry.path.startsWith(prefix) && entry.path > startAfter));
    },
  };
}

async function read(driver: Pick<BlobDriver, 'listEntries'>, startAfter = ''): Promise<LinkEntry[]> {
  const found: LinkEntry[] = [];
  for await (const entry of readLinks(driver, repositoriesPrefix, { startAfter })) found.push(entry);
  return found;
}

const short = (entry: LinkEntry) =>
  entry.kind === 'oddity'
    ? [entry.oddity.kind, entry.path.slice(repositoriesPrefix.length)]
    : [entry.kind, entry.repository, 'tag' in entry ? entry.tag : '', 'digest' in entry ? entry.digest : ''];

describe('the reader of links', () => {
  test('yields layers, revisions and tags of each repository in this order, with their times', async () => {
    const entries = await read(
      listing([
        `team/app/_manifests/tags/1.0/current/link`,
        `team/app/_manifests/tags/1.0/index/${path(one)}/link`,
        `team/app/_manifests/revisions/${path(one)}/link`,
        `team/app/_layers/${path(other)}/link`,
        `team/app/sub/_layers/${path(one)}/link`,
        `team/app-b/_layers/${path(one)}/link`,
      ]),
    );
    expect(entries.map(short)).toEqual([
      ['layer', 'team/app-b', '', one],
      ['layer', 'team/app', '', other],
      ['revision', 'team/app', '', one],
      ['tag', 'team/app', '1.0', ''],
      ['former', 'team/app', '1.0', one],
      ['layer', 'team/app/sub', '', one],
    ]);
    expect(entries[0]).toMatchObject({ modifiedAt: modifiedAt.getTime(), sizeBytes: 71 });
  });

  test('yields one line for each thing that is no sound link, and goes on', async () => {
    const entries = await read(
      listing(
        [
          'README',
          'Team/App/_layers/sha256/x/link',
          `Team/App/_layers/${path(one)}/link`,
          `app/_layers/${path(one)}/.nfs0001`,
          'app/_layers/sha384/00/link',
          'app/_manifests/',
          `app/_manifests/tags/half/index/${path(one)}/link`,
          `app/_manifests/tags/half/index/${path(other)}/link`,
          'app/_manifests/tags/bad tag/current/link',
          `app/_manifests/revisions/${path(one)}/signatures/${path(one)}/link`,
          'app/_uploads/1/data',
          'app/_uploads/1/startedat',
          'app/_uploads/2/startedat',
        ],
        [{ path: `${repositoriesPrefix}linked`, kind: 'symlink', sizeBytes: 4, modifiedAt }],
      ),
    );
    expect(entries.map(short)).toEqual([
      ['foreign-file', 'README'],
      ['refused-name', `Team/App/_layers/${path(one)}/link`],
      ['unknown-digest', 'Team/App/_layers/sha256/x/link'],
      ['foreign-file', `app/_layers/${path(one)}/.nfs0001`],
      ['unknown-digest', 'app/_layers/sha384/00/link'],
      ['folder-marker', 'app/_manifests/'],
      ['schema-1', `app/_manifests/revisions/${path(one)}/signatures/${path(one)}/link`],
      ['refused-tag', 'app/_manifests/tags/bad tag/current/link'],
      ['tag-without-current', 'app/_manifests/tags/half/current/link'],
      ['former', 'app', 'half', one],
      ['former', 'app', 'half', other],
      ['unfinished-upload', 'app/_uploads/1/'],
      ['unfinished-upload', 'app/_uploads/2/'],
      ['symlink', 'linked'],
    ]);
  });

  test('continues after any path with the same entries', async () => {
    const driver = listing([
      `app/_layers/${path(one)}/link`,
      'app/_manifests/tags/a/current/link',
      `app/_manifests/tags/a/index/${path(one)}/link`,
      `app/_manifests/tags/b/index/${path(one)}/link`,
      `app/_manifests/tags/b/index/${path(other)}/link`,
      'app/_uploads/1/data',
      'app/_uploads/1/startedat',
    ]);
    const all = await read(driver);
    for await (const { path: last } of driver.listEntries(repositoriesPrefix))
      expect(await read(driver, last)).toEqual(all.filter((entry) => entry.path > last));
  });

  test.each([
    [one, one, undefined],
    [other, other, undefined],
    [`${one}\n`, one, 'link-with-line-break'],
    ['', undefined, 'empty-link'],
    ['\n', undefined, 'empty-link'],
    ['sha256:1', undefined, 'damaged-link'],
    ['x'.repeat(300), undefined, 'damaged-link'],
  ])('reads %j in a link', async (text, digest, oddity) => {
    const bytes = Buffer.from(text);
    const object = {
      sizeBytes: bytes.length,
      range: { first: 0, last: bytes.length - 1 },
      stream: () => ReadableStream.from([bytes]) as unknown as AsyncIterable<Uint8Array>,
      close: () => Promise.resolve(),
    };
    const driver = { read: () => Promise.resolve(object) };
    expect(await readTarget(driver, 'a/link')).toEqual({ digest, oddity });
  });
});
