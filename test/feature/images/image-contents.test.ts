import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createTrash } from '../../../src/content/trash.ts';
import { createLeases } from '../../../src/coordination/leases.ts';
import type { Images } from '../../../src/images/images.ts';
import { pathOf } from '../../../src/images/index/entry-key.ts';
import { frameEntries } from '../../../src/images/index/frame.ts';
import { sweepIndexes } from '../../../src/images/store/sweep.ts';
import type { ReadyImage } from '../../../src/images/view/image-opener.ts';
import { createIndexHandler } from '../../../src/images/view/index-pushes.ts';
import { createCollector } from '../../../src/maintenance/collect/collector.ts';
import { indexKey } from '../../../storage/blobs/layout.ts';
import { type ImageRoom, at, openImageRoom } from '../../support/image-room.ts';
import { digestOf } from '../../support/images.ts';
import { tar } from '../../support/tar.ts';

const waitSeconds = 60;

const base = tar({
  'etc/': { type: 'directory' },
  'etc/hosts': 'localhost\n',
  'etc/old': 'x'.repeat(5000),
  'bin/sh': Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0]),
  'bin/bash': { type: 'hardlink', link: 'bin/sh' },
  'bin/link': { type: 'symlink', link: 'sh' },
});
const upper = zstdCompressSync(
  tar({
    'etc/': { type: 'directory', mode: 0o700 },
    'etc/hosts': 'example\n',
    'etc/.wh.old': '',
    'etc/new': 'new',
    'bin/.wh.absent': '',
  }),
);

let room: ImageRoom;
let images: Images;

beforeAll(async () => {
  room = await openImageRoom();
  images = room.replica();
  await room.push('1', [gzipSync(base), upper]);
});
afterAll(() => room.close());

async function list(view: ReadyImage, layer: number | undefined, directory: string) {
  const { files } = await images.files.list(view, layer, directory, '', 500);
  return files.map(({ entry, change }) => [entry.name, entry.type, ...(change === undefined ? [] : [change])].join(' '));
}

describe('the contents of an image', () => {
  test('are indexed at the first look, and shown at the next', async () => {
    await room.push('first', [tar({ a: 'a' })]);
    const first = await images.open(at('first'));
    expect(first.status.state).toBe('building');
    expect(first.index).toBeUndefined();
    expect((await images.open(at('first'), waitSeconds)).status.state).toBe('ready');
    expect((await images.open(at('first'))).status.state).toBe('ready');
  });

  test('list the merged view of the layers', async () => {
    const view = await images.openReady(at('1'), waitSeconds);
    expect(await list(view, undefined, '')).toEqual(['bin directory', 'etc directory']);
    expect(await list(view, undefined, 'etc')).toEqual(['hosts file', 'new file']);
    expect(await images.files.find(view, undefined, 'etc')).toMatchObject({ mode: 0o700, layer: 1, files: 2, bytes: 11 });
    await expect(images.files.list(view, undefined, 'etc/hosts', '', 10)).rejects.toThrow('etc/hosts is not a directory');
    await expect(images.files.list(view, undefined, 'var', '', 10)).rejects.toThrow('the image has no file "var"');
  });

  test('of an image without layers are an empty root', async () => {
    await room.push('empty', []);
    expect(await list(await images.openReady(at('empty'), waitSeconds), undefined, '')).toEqual([]);
  });

  test('list what a layer adds, changes and deletes', async () => {
    const view = await images.openReady(at('1'), waitSeconds);
    expect(await list(view, 0, 'bin')).toEqual(['bash hardlink added', 'link symlink added', 'sh file added']);
    expect(await list(view, 1, 'etc')).toEqual(['hosts file changed', 'new file added', 'old whiteout deleted']);
    expect(await list(view, 1, 'bin')).toEqual(['absent whiteout none']);
    await expect(images.files.list(view, 2, '', '', 10)).rejects.toThrow('there is no layer 2');
  });

  test('show text, bytes and the targets of hard links', async () => {
    const view = await images.openReady(at('1'), waitSeconds);
    const preview = async (path: string) => images.files.preview(view, await images.files.find(view, undefined, path));
    expect(await preview('etc/hosts')).toEqual({ text: 'example\n', hex: undefined });
    expect(await preview('bin/sh')).toEqual({ text: undefined, hex: '7f454c4600' });
    expect(await preview('bin/bash')).toEqual({ text: undefined, hex: '7f454c4600' });
    await expect(preview('bin/link')).rejects.toThrow('bin/link has no content: it is a symlink');
    const former = await images.files.find(view, 0, 'etc/hosts');
    expect((await images.files.preview(view, former)).text).toBe('localhost\n');
  });

  test('count the bytes that layers hide, and name the biggest files', async () => {
    const { index } = await images.openReady(at('1'), waitSeconds);
    const [lower, above] = index.head.layers;
    expect(lower).toMatchObject({ totalBytes: 5015, hiddenBytes: 5010, added: 7, changed: 0, deleted: 0 });
    expect(above).toMatchObject({ totalBytes: 11, hiddenBytes: 0, added: 1, changed: 2, deleted: 1 });
    expect(index.head.wasted).toEqual([
      { path: 'etc/old', bytes: 5000, copies: 1 },
      { path: 'etc/hosts', bytes: 10, copies: 2 },
    ]);
    expect(index.head.biggest.map(pathOf)).toEqual(['etc/hosts', 'bin/sh', 'etc/new']);
  });

  test('name the limit or the error that keeps a layer from being read', async () => {
    await room.push('bad', [tar({ a: 'a' }), Buffer.from('no archive '.repeat(100))]);
    const { status } = await images.open(at('bad'), waitSeconds);
    expect(status).toMatchObject({ state: 'failed', limit: 'format' });
    expect(status.message).toContain('the header at 0 of the archive is damaged');
    // A replica finds the failure in the store and does not try again.
    expect((await room.replica().open(at('bad'))).status.state).toBe('failed');
  });

  test('are not indexed where the configuration says so', async () => {
    await room.push('off', [tar({ off: 'off' })]);
    expect((await room.replica({ mode: 'off' }).open(at('off'), waitSeconds)).status.state).toBe('off');
  });

  test('are only built after a request for them: a look says whether any process builds them', async () => {
    const layers = [tar({ looked: 'at' }), tar({ upper: 'layer' })];
    await room.push('looked', layers);
    const images = room.replica();
    const before = room.built.length;
    const look = async () => {
      const { status, indexedLayers } = await images.look(at('looked'));
      return [status.state, indexedLayers];
    };
    expect(await look()).toEqual(['absent', 0]);
    const lease = await createLeases({ metadata: room.metadata, now: Date.now }).take(`index:${digestOf(layers[0] ?? '')}`);
    expect(await look()).toEqual(['building', 0]);
    await lease?.release();
    expect([await look(), room.built.length]).toEqual([['absent', 0], before]);
    await images.open(at('looked'), 60);
    expect(await look()).toEqual(['ready', 0]);
  });

  test('are not shown if a layer is not stored in the repository', async () => {
    const layer = tar({ gone: 'gone' });
    await room.push('missing', [layer]);
    expect((await images.open(at('missing'), waitSeconds)).status.state).toBe('ready');
    const { metadata } = room;
    const blobs = { ...metadata.blobs, findLink: () => Promise.resolve(undefined) };
    const { status, index } = await room.replica({ metadata: { ...metadata, blobs } }).open(at('missing'));
    expect(status).toMatchObject({ state: 'missing', message: '1 of 1 layers are not stored here: pull the image once' });
    expect(index).toBeUndefined();
  });
});

describe('the index of an image', () => {
  test('is built once for two viewers at each of two replicas', async () => {
    await room.push('once', [tar({ one: '1' }), tar({ two: '2' })]);
    room.built.length = 0;
    const replicas = [room.replica(), room.replica()];
    const views = await Promise.all([...replicas, ...replicas].map((replica) => replica.open(at('once'), waitSeconds)));
    expect(views.map(({ status }) => status.state)).toEqual(['ready', 'ready', 'ready', 'ready']);
    expect(room.built).toEqual(['layer', 'layer', 'image']);
  });

  test('is built again after all indexes are lost', async () => {
    await images.openReady(at('1'), waitSeconds);
    for await (const key of room.driver.list('indexes/')) await room.driver.delete([key]);
    const view = await room.replica().openReady(at('1'), waitSeconds);
    expect(await list(view, undefined, 'etc')).toEqual(['hosts file', 'new file']);
  });

  test('that is lost while it is shown answers to ask again', async () => {
    const digest = await room.push('lost', [tar({ lost: 'lost' })]);
    const view = await images.openReady(at('lost'), waitSeconds);
    await room.driver.delete([indexKey(digest)]);
    await expect(images.files.list(view, undefined, '', '', 10)).rejects.toThrow('ask again');
    expect((await images.open(at('lost'), waitSeconds)).status.state).toBe('ready');
  });

  test('reads at most two frames for a page of a large directory', async () => {
    const files = Array.from(
      { length: 3 * frameEntries },
      (_, number) => [`many/${String(number).padStart(5, '0')}`, ''] as const,
    );
    await room.push('many', [tar(Object.fromEntries(files))]);
    await images.openReady(at('many'), waitSeconds);
    let reads = 0;
    const read: typeof room.driver.read = (...args) => {
      reads++;
      return room.driver.read(...args);
    };
    const replica = room.replica({ driver: { ...room.driver, read } });
    const view = await replica.openReady(at('many'));
    for (const after of ['', '00400', '00990', '01700']) {
      reads = 0;
      const page = await replica.files.list(view, undefined, 'many', after, 500);
      expect(page.files).toHaveLength(500);
      expect(page.next).toBe(page.files.at(-1)?.entry.name);
      expect(reads).toBeLessThanOrEqual(2);
    }
    const last = await replica.files.list(view, undefined, 'many', '02990', 500);
    expect(last.files).toHaveLength(9);
    expect(last.next).toBeUndefined();
  });

  test('are found by a part of their name below a directory, page by page, and sorted', async () => {
    // `many-more` and `many.d` come between `many` and what is below it.
    const names = ['many/a/x1', 'many/b/X2', 'many-more/x3', 'many.d/x4', 'manyx/x5', 'many/x6', 'many/y'];
    const layer = tar(Object.fromEntries(names.map((name, place) => [name, 'z'.repeat(place)])));
    await room.push('found', [layer]);
    const { files } = images;
    const view = await images.openReady(at('found'), waitSeconds);
    const found: string[] = [];
    for (let after: string | undefined = ''; after !== undefined;) {
      const page = await files.search(view, undefined, 'many', 'x', after, 1);
      found.push(...page.files.map(({ entry }) => pathOf(entry)));
      after = page.next;
    }
    expect(found).toEqual(['many/x6', 'many/a/x1', 'many/b/X2']);
    expect((await files.search(view, 0, '', 'X', '', 100)).files).toHaveLength(7);
    const sorted = await files.sort(view, undefined, 'many', 'size');
    expect(sorted?.map(({ entry }) => entry.name)).toEqual(['y', 'x6', 'b', 'a']);
  });

  test('is collected with its blob', async () => {
    const layer = tar({ collected: 'yes' });
    const digest = await room.push('collected', [layer]);
    await images.openReady(at('collected'), waitSeconds);
    const { driver, metadata } = room;
    const keys = [indexKey(digest), indexKey(digestOf(layer))];
    for (const key of keys) await expect(driver.stat(key)).resolves.toBeDefined();
    const later = () => Date.now() + 365 * 24 * 3_600_000;
    await room.registry.deletions.manifest(at('collected').repository, digest);
    await createCollector({
      driver,
      metadata,
      now: later,
      maxPerSecond: 100_000,
      trashWindowMs: 0,
      trash: createTrash({ driver, metadata, now: later }),
      events: { purged: () => undefined, trashed: () => undefined, failed: () => undefined },
    }).run();
    for (const key of keys) await expect(driver.stat(key)).rejects.toMatchObject({ code: 'not_found' });
  });

  test('without a blob is found by the sweep, also one of a former format', async () => {
    const { driver, metadata } = room;
    await images.openReady(at('1'), waitSeconds);
    const orphans = [indexKey(digestOf('gone')), 'indexes/0/sha256/ab/cd' as ReturnType<typeof indexKey>];
    for (const key of orphans) await driver.put(key, Buffer.from('x'));
    expect(await sweepIndexes({ driver, metadata })).toBe(2);
    for (const key of orphans) await expect(driver.stat(key)).rejects.toMatchObject({ code: 'not_found' });
    expect((await images.open(at('1'))).status.state).toBe('ready');
  });
});

describe('with page.index: push', () => {
  test('the images of pushes are indexed, and artifacts and other events are passed over', async () => {
    const digest = await room.push('pushed', [tar({ pushed: 'pushed' })]);
    const replica = room.replica({ mode: 'push' });
    const { handle } = createIndexHandler(() => Promise.resolve(replica));
    const event = { id: 1, at: 0, actor: '', address: '', target: '', result: 'done', requestId: null, detail: null };
    const content = { repository: at('pushed').repository, digest, tags: [] };
    const events = [
      { ...event, kind: 'login', content: undefined },
      { ...event, kind: 'manifest.delete', content },
      { ...event, kind: 'manifest.push', content: { ...content, digest: digestOf('unknown') } },
      { ...event, kind: 'manifest.push', content },
    ];
    await handle(events, { after: 0, assertHeld: () => undefined, signal: new AbortController().signal });
    expect((await replica.open(at('pushed'))).status.state).toBe('ready');
  });
});
