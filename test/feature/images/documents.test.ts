import { describe, expect, test } from '@jest/globals';
import { createDocumentReader, maxDocumentBytes } from '../../../src/images/referrers/document-reader.ts';
import { readDocument } from '../../../src/images/referrers/document.ts';
import { kindOfArtifact, kindOfDocument } from '../../../src/images/referrers/kind.ts';
import { maxPackages } from '../../../src/images/referrers/sbom.ts';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { cycloneDx, envelope, spdx, statement } from '../../support/attached-artifacts.ts';
import { digestOf } from '../../support/images.ts';

const read = (document: unknown) => readDocument(Buffer.from(JSON.stringify(document)));

describe('a document that belongs to an image', () => {
  test('is read through several wrappers, but not through any number of them', () => {
    const inner = statement('https://cyclonedx.org/bom', cycloneDx);
    expect(read({ dsseEnvelope: envelope(inner) })).toMatchObject({ kind: 'sbom', format: 'CycloneDX 1.6' });
    let nested: unknown = inner;
    for (let depth = 0; depth < 20; depth++) nested = envelope(nested);
    expect(read(nested)).toMatchObject({ kind: 'other' });
  });

  test.each([
    [null],
    [7],
    [[]],
    [{ spdxVersion: 'SPDX-2.3', packages: [1, { name: 5, externalRefs: 'none' }] }],
    [{ bomFormat: 'CycloneDX', components: [{ name: {}, licenses: [{ license: 3 }], components: 'x' }] }],
    [statement('https://slsa.dev/provenance/v1', { buildDefinition: [], runDetails: 1 })],
    [envelope('text')],
  ])('with fields of other types, %j, fails nothing', (document) => {
    expect(() => read(document)).not.toThrow();
  });

  test('with an envelope that has no JSON, or in a format that is not read, says so', () => {
    expect(read({ payloadType: 'x', payload: 'bm8=' })).toMatchObject({
      kind: 'unread',
      reason: expect.stringContaining('not JSON'),
    });
    expect(read(statement('https://spdx.dev/Document', { '@graph': [] }))).toMatchObject({ kind: 'unread' });
    expect(read(statement('https://example.com/scan', {}))).toEqual({
      kind: 'other',
      format: 'https://example.com/scan',
      reason: '',
    });
  });

  test('with too many packages is cut, and says so', () => {
    const names = Array.from({ length: maxPackages + 1 }, (_, number) => String(number));
    const found = read(spdx(names));
    expect(found).toMatchObject({ kind: 'sbom', hasMore: true });
    expect(found.kind === 'sbom' && found.packages.length).toBe(maxPackages);
  });

  test('that is larger than the limit is not opened', async () => {
    const readStored = createDocumentReader({ driver: {} as BlobDriver });
    const descriptor = { digest: digestOf('large'), mediaType: 'application/spdx+json', sizeBytes: maxDocumentBytes + 1 };
    expect(await readStored(descriptor)).toMatchObject({ kind: 'unread', reason: 'the document is larger than 32 MiB' });
  });
});

test.each([
  ['application/vnd.dev.cosign.simplesigning.v1+json', '', 'signature'],
  ['application/vnd.cncf.notary.signature', '', 'signature'],
  ['application/vnd.dev.sigstore.bundle.v0.3+json', 'https://sigstore.dev/cosign/sign/v1', 'signature'],
  ['application/spdx+json', '', 'sbom'],
  ['text/spdx', '', 'sbom'],
  ['application/vnd.cyclonedx+xml', '', 'sbom'],
  ['application/vnd.in-toto+json', 'https://cyclonedx.org/bom/v1.4', 'sbom'],
  ['application/vnd.in-toto+json', 'https://slsa.dev/provenance/v1', 'provenance'],
  ['application/vnd.dsse.envelope.v1+json', 'https://example.com/scan', 'attestation'],
  ['application/vnd.in-toto+json', '', 'attestation'],
  ['application/octet-stream', '', 'artifact'],
])('a document of the type %s with the predicate %j is of the kind %s', (mediaType, predicateType, kind) => {
  expect(kindOfDocument(mediaType, predicateType)).toBe(kind);
  expect(kindOfArtifact('', ['artifact', kindOfDocument(mediaType, predicateType)])).toBe(kind);
});
