import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { OciError } from '../../../src/oci/errors.ts';
import { type TestImports, chunksOf, openImports, sender } from '../../support/archive-imports.ts';
import { blobPath, changed, dockerEntries, legacyEntries, ociEntries } from '../../support/archives.ts';
import { digestOf } from '../../support/images.ts';
import { realImage } from '../../support/real-image.ts';
import { type TarItem, tarOf } from '../../support/tar.ts';

let opened: TestImports;
const limits = { maxBytes: 64 * 1024 * 1024, maxEntries: 50 };
beforeAll(async () => {
  opened = await openImports(limits);
});
afterAll(() => opened.close());

const image = realImage({ hello: 'hello\n' });
const other = realImage({ hello: 'other\n' });
const oci = ociEntries({ 'team/app:1': image });
const legacy = legacyEntries({ 'team/app:1': image });
const docker = dockerEntries('team/app:1', { hello: 'hello\n' });
const configName = `${digestOf(image.config).slice(7)}.json`;
const layerName = legacy.find(({ name }) => name.endsWith('layer.tar'))?.name ?? '';
const list = (change: object) =>
  JSON.stringify([{ Config: configName, RepoTags: ['team/app:1'], Layers: [layerName], ...change }]);
const index = (change: object) => JSON.stringify({ schemaVersion: 2, manifests: [{ ...image.descriptor, ...change }] });

/** Resolves to the status and the message with which the archive is refused; what it left must be nothing. */
async function refusal(archive: Uint8Array, sizeBytes?: number): Promise<{ status: number; message: string }> {
  const error = await opened.imports.receive(chunksOf(archive), sender, { sizeBytes }).catch((reason: unknown) => reason);
  if (!(error instanceof OciError)) throw new Error('the archive was accepted, or failed otherwise', { cause: error });
  expect(await opened.leftovers()).toBe(0);
  return { status: error.status, message: error.message };
}

/** Writes the size of the first entry as GNU tar does for large files, and its checksum. */
function withBinarySize(archive: Buffer, size: number): Buffer {
  archive.fill(size < 0 ? 0xff : 0, 124, 136).writeBigInt64BE(BigInt(size), 128);
  archive[124] = size < 0 ? 0xff : 0x80;
  archive.write('        ', 148);
  const sum = archive.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return archive;
}

/** Each with the words that its error must have: the entry, what was expected, and what was found. */
const broken: readonly (readonly [title: string, archive: () => Buffer, ...words: string[]])[] = [
  ['an empty file', () => Buffer.alloc(0), 'expected tar, gzip or zstd', 'found nothing'],
  ['a text', () => Buffer.from('hello world'), 'expected tar, gzip or zstd', '68656c6c6f20776f'],
  ['an archive cut within an entry', () => tarOf(oci).subarray(0, 1700), 'ends within', 'expected', 'found'],
  ['an archive without its end', () => tarOf(oci).subarray(0, -1024), 'ends after entry "oci-layout"', 'no end mark'],
  [
    'a header with a wrong checksum',
    () => {
      const bytes = tarOf([{ name: 'first', content: '1' }, ...oci]);
      bytes[1024] = (bytes[1024] ?? 0) + 1;
      return bytes;
    },
    'after entry "first"',
    'checksum',
  ],
  ['cut gzip data', () => gzipSync(tarOf(oci)).subarray(0, 300), 'the archive is damaged', 'gzip'],
  ['cut zstd data', () => zstdCompressSync(tarOf(oci)).subarray(0, 300), 'the archive is damaged', 'zstd'],
  [
    'an archive in the archive',
    () => tarOf([{ name: 'images.tar', content: tarOf(oci) }]),
    '"index.json"',
    '"manifest.json"',
    '1 entries',
  ],
  [
    'a layer that is an archive of images',
    () => tarOf(changed(legacy, layerName, tarOf(oci))),
    layerName,
    `expected ${digestOf(image.layer)}`,
    `found ${digestOf(tarOf(oci))}`,
  ],
  ['a negative size', () => withBinarySize(tarOf([{ name: 'a' }, ...oci]), -512), 'not a number of bytes'],
  ['no index', () => tarOf([{ name: 'a', content: 'b' }]), '"index.json"', '"manifest.json"', '1 entries'],
  ['an index that is no JSON', () => tarOf(changed(oci, 'index.json', '{')), '"index.json"', 'JSON'],
  ['an index without manifests', () => tarOf(changed(oci, 'index.json', '{}')), '"index.json"', 'expected a list in manifests'],
  ['an index without images', () => tarOf(changed(oci, 'index.json', '{"manifests":[]}')), 'lists no image'],
  [
    'a manifest that is missing',
    () => tarOf(changed(oci, blobPath(image.manifest), undefined)),
    blobPath(image.manifest),
    'listed by "index.json"',
    'missing',
  ],
  [
    'a manifest of another size',
    () => tarOf(changed(oci, 'index.json', index({ size: 3 }))),
    blobPath(image.manifest),
    'expected 3 bytes',
    `found ${image.manifest.length}`,
  ],
  [
    'a layer that is missing',
    () => tarOf(changed(oci, blobPath(image.compressed), undefined)),
    blobPath(image.compressed),
    'expected a layer',
    'missing',
  ],
  [
    'a layer with other bytes',
    () => tarOf(changed(oci, blobPath(image.compressed), other.compressed)),
    blobPath(image.compressed),
    `expected ${digestOf(image.compressed)}`,
    `found ${digestOf(other.compressed)}`,
  ],
  [
    'a config with other bytes',
    () => tarOf(changed(oci, blobPath(image.config), other.config)),
    blobPath(image.config),
    `expected ${digestOf(image.config)}`,
    `found ${digestOf(other.config)}`,
  ],
  [
    'an uncompressed layer that its config does not list',
    () => {
      const config = docker.image.config.replace(digestOf(docker.image.layer), digestOf('x'));
      const manifest = docker.image.manifest.replace(digestOf(docker.image.config), digestOf(config));
      const blobs = [config, docker.image.layer, manifest].map((content) => ({ name: blobPath(content), content }));
      const descriptor = { ...docker.image.descriptor, digest: digestOf(manifest), size: manifest.length };
      return tarOf([...blobs, { name: 'index.json', content: JSON.stringify({ manifests: [descriptor] }) }]);
    },
    blobPath(docker.image.layer),
    `expected ${digestOf('x')}`,
    `found ${digestOf(docker.image.layer)}`,
  ],
  ['a list that is no list', () => tarOf(changed(legacy, 'manifest.json', '{}')), '"manifest.json"', 'expected a list', 'object'],
  [
    'the folder of an image that skopeo writes',
    () => tarOf([{ name: 'manifest.json', content: image.manifest }]),
    '"manifest.json"',
    'write an oci-archive or docker-archive',
  ],
  ['a list without images', () => tarOf(changed(legacy, 'manifest.json', '[]')), 'lists no image'],
  [
    'an image without a config',
    () => tarOf(changed(legacy, 'manifest.json', list({ Config: 7 }))),
    'image 1 of "manifest.json"',
    'expected the name of an entry',
    'found a number',
  ],
  [
    'a config that is missing',
    () => tarOf(changed(legacy, configName, undefined)),
    configName,
    'listed by "manifest.json"',
    'missing',
  ],
  [
    'a config under the name of another',
    () => tarOf(changed(legacy, configName, other.config)),
    configName,
    `expected ${digestOf(image.config)}`,
    `found ${digestOf(other.config)}`,
  ],
  [
    'a layer of another image',
    () => tarOf(changed(legacy, layerName, other.layer)),
    layerName,
    `expected ${digestOf(image.layer)}`,
    `found ${digestOf(other.layer)}`,
  ],
  [
    'a compressed layer of another image',
    () => tarOf(changed(legacy, layerName, other.compressed)),
    layerName,
    `expected ${digestOf(image.layer)}`,
    `found ${digestOf(other.layer)}`,
  ],
  [
    'a layer with damaged compression',
    () => tarOf(changed(legacy, layerName, Buffer.concat([image.compressed.subarray(0, 60), Buffer.alloc(9)]))),
    layerName,
    'damaged',
  ],
  ['a layer that is a text', () => tarOf(changed(legacy, layerName, 'text')), layerName, 'expected a layer', '74657874'],
  ['a layer that is JSON', () => tarOf(changed(legacy, layerName, '{}')), layerName, 'expected a layer', 'JSON'],
  [
    'fewer layers than the config lists',
    () => tarOf(changed(legacy, 'manifest.json', list({ Layers: [] }))),
    configName,
    'expected 0 digests',
    'found 1',
  ],
  [
    'a link to an entry that is missing',
    () => tarOf([...changed(legacy, layerName, undefined), { name: layerName, type: '2', link: '../gone' }]),
    layerName,
    'expected a layer',
    'missing',
  ],
  [
    'links in a circle',
    () => tarOf([...changed(legacy, layerName, undefined), { name: layerName, type: '2', link: 'layer.tar' }]),
    layerName,
    'leads to more than 16',
  ],
];

test.each(broken)('%s is refused with the entry, what was expected and what was found', async (_title, archive, ...words) => {
  const { status, message } = await refusal(archive());
  expect(status).toBe(400);
  for (const word of words) expect(message).toContain(word);
});

describe('names', () => {
  const file = (name: string): TarItem => ({ name, content: 'x' });
  /** A header of POSIX pax for the next entry. */
  const pax = (key: string, value: string): TarItem => {
    const record = ` ${key}=${value}\n`;
    const length = record.length + String(record.length + 2).length;
    return { name: 'pax', type: 'x', content: `${length}${record}` };
  };
  const rules: readonly (readonly [title: string, items: readonly TarItem[], words: string])[] = [
    ['..', [file('../manifest.json')], 'has .. in its name'],
    ['.. in the middle', [file('a/../manifest.json')], 'has .. in its name'],
    ['.. of a folder', [{ name: '../a/', type: '5' }], 'has .. in its name'],
    ['an absolute name', [file('/etc/passwd')], 'has an absolute name'],
    ['an absolute name in an extended header', [pax('path', '/etc/passwd'), file('a')], 'has an absolute name'],
    ['a NUL in an extended header', [pax('path', 'manifest.json\0x'), file('a')], 'NUL'],
    ['a NUL in a long name', [{ name: 'long', type: 'L', content: 'a\0b\0' }, file('a')], 'NUL'],
    ['a backslash', [file('..\\manifest.json')], 'backslash'],
    ['a name of more than 4 KiB', [pax('path', 'a'.repeat(5000)), file('a')], 'at most 4096'],
    ['a symbolic link out of the archive', [{ name: 'a/b', type: '2', link: '../../x' }], 'must lead to entries of the archive'],
    ['an absolute symbolic link', [{ name: 'a', type: '2', link: '/etc/passwd' }], 'must lead to entries of the archive'],
    ['a hard link out of the archive', [{ name: 'a/b', type: '1', link: '../x' }], 'must lead to entries of the archive'],
    ['a character device', [{ name: 'a', type: '3' }], 'is of type CharacterDevice'],
    ['a block device', [{ name: 'a', type: '4' }], 'is of type BlockDevice'],
    ['a named pipe', [{ name: 'a', type: '6' }], 'is of type FIFO'],
    ['a sparse file of GNU tar', [{ name: 'a', type: 'S' }], 'is of type'],
    ['a sparse file in POSIX format', [pax('GNU.sparse.major', '1'), file('a')], 'sparse'],
    ['an extended header of more than 64 KiB', [pax('comment', 'x'.repeat(70_000)), file('a')], 'at most 65536 are allowed'],
    ['a long name of more than 64 KiB', [{ name: 'long', type: 'L', content: 'a'.repeat(70_000) }, file('a')], 'at most 65536'],
    ['a size that is no number', [pax('size', '1e30'), file('a')], 'not a number of bytes'],
    ['two entries with one name', [file('a'), file('./a')], 'is in the archive twice'],
    ['a link with the name of a file', [file('a'), { name: 'a', type: '2', link: 'b' }], 'is in the archive twice'],
  ];

  test.each(rules)('%s is refused by its own rule', async (_title, items, words) => {
    const { status, message } = await refusal(tarOf([...items, ...oci]));
    expect([status, message]).toEqual([400, expect.stringContaining(words)]);
  });

  test('names with ./ in front, folders that occur twice and hard links are read', async () => {
    const dotted = legacy.map((item) => ({ ...item, name: `./${item.name}` }));
    const linked = [...changed(dotted, `./${layerName}`, undefined), { name: 'real.tar', content: image.layer }];
    const archive = tarOf([
      ...linked,
      { name: layerName, type: '1', link: 'real.tar' },
      { name: 'a/', type: '5' },
      { name: 'a/', type: '5' },
    ]);
    const { id, plan } = await opened.imports.receive(chunksOf(archive, 100), sender);
    expect(plan.images).toMatchObject([{ names: ['team/app:1'] }]);
    await opened.imports.cancel(id, sender.owner);
    expect(await opened.leftovers()).toBe(0);
  });
});

describe('limits', () => {
  const zeros = (mebibytes: number) => Buffer.alloc(mebibytes * 1024 * 1024);
  const emptySkippable = Buffer.from('502a4d1800000000', 'hex');
  const repeated = (frame: Buffer) => Buffer.concat(Array.from({ length: 2000 }, () => frame));
  const beyond: readonly (readonly [title: string, archive: () => Buffer, words: string])[] = [
    ['a bomb of gzip data', () => gzipSync(zeros(65), { level: 9 }), '1000 times'],
    ['a bomb of zstd data', () => zstdCompressSync(zeros(65)), '1000 times'],
    ['zstd data of empty frames', () => repeated(zstdCompressSync('')), 'more than one frame for each 64 bytes'],
    ['zstd data of empty skippable frames', () => repeated(emptySkippable), 'more than one frame for each 64 bytes'],
    ['a layer that is a bomb', () => tarOf(changed(legacy, layerName, gzipSync(zeros(65), { level: 9 }))), layerName],
    ['a bomb in a bomb', () => gzipSync(tarOf(changed(legacy, layerName, gzipSync(zeros(65), { level: 9 })))), layerName],
    ['a size in binary beyond the limit', () => withBinarySize(tarOf([{ name: 'a' }]), 2 ** 50), 'more than 67108864 bytes'],
    ['more bytes than archives may have', () => tarOf([{ name: 'a', size: 65 * 1024 * 1024 }]), 'more than 67108864 bytes'],
    [
      'more entries than archives may have',
      () => tarOf(Array.from({ length: 51 }, (_, at) => ({ name: `${at}` }))),
      '50 entries',
    ],
    ['an index of more than 4 MiB', () => tarOf(changed(oci, 'index.json', zeros(5))), 'at most 4194304'],
    [
      'a config of more than 4 MiB',
      () => tarOf(changed(legacy, configName, `{"a":"${'x'.repeat(5_000_000)}"}`)),
      'at most 4194304',
    ],
  ];

  test.each(beyond)('%s gets 413', async (_title, archive, words) => {
    const { status, message } = await refusal(archive());
    expect([status, message]).toEqual([413, expect.stringContaining(words)]);
  });

  test('an announced length beyond the limit gets 413 before anything is read', async () => {
    const unread = (async function* (): AsyncGenerator<Uint8Array> {
      yield await Promise.reject<Uint8Array>(new Error('the body was read'));
    })();
    await expect(opened.imports.receive(unread, sender, { sizeBytes: limits.maxBytes + 1 })).rejects.toMatchObject({
      status: 413,
    });
  });
});
