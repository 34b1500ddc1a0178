import { type KeyObject, X509Certificate, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { ASN1Obj } from '@sigstore/core';
import type { Digest } from '../../../src/oci/digest.ts';
import { verifyCosign } from '../../../src/signatures/cosign.ts';
import { readEnvelope, verifyNotation } from '../../../src/signatures/notation.ts';
import type { Envelope } from '../../../src/signatures/notation-envelope.ts';
import { parseGeneralizedTime, provenTime } from '../../../src/signatures/notation-timestamp.ts';
import { writeCertificate } from '../../support/certificate.ts';
import { describeWith } from '../../support/requires.ts';
import { run } from '../../support/run.ts';
import { bundleOf, envelopeOf } from '../../support/signatures.ts';
import recordedNotation from './recorded-notation.json' with { type: 'json' };
import recorded from './recorded.json' with { type: 'json' };

/** Signatures of one image, recorded from cosign 3.1.1 (both of its formats) and notation 1.3.2. */
const image = recorded.image as Digest;
const otherImage = `sha256:${'0'.repeat(64)}` as Digest;
const valid = { validUntil: Infinity };

describe('signatures of cosign', () => {
  const key = createPublicKey(recorded.cosignKey);
  const payload = { kind: 'payload', payload: Buffer.from(recorded.payload), value: recorded.payloadSignature } as const;
  const bundle = { kind: 'bundle', document: Buffer.from(recorded.bundle) } as const;

  test.each([payload, bundle])('a $kind by the key is valid for its image only', (signature) => {
    expect(verifyCosign(signature, [key], image)).toEqual(valid);
    expect(verifyCosign(signature, [key], otherImage)).toEqual({ refusal: 'a signature of another image' });
  });

  test.each([payload, bundle])('a $kind by another key is refused', (signature) => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(verifyCosign(signature, [publicKey], image)).toEqual({ refusal: 'a signature by another key' });
    expect(verifyCosign(signature, [publicKey, key], image)).toEqual(valid);
    expect(verifyCosign(signature, [], image)).toEqual({ refusal: 'a signature by another key' });
  });

  test('a payload that was changed after it was signed is refused', () => {
    const changed = Buffer.from(recorded.payload.replace(image, otherImage));
    expect(verifyCosign({ ...payload, payload: changed }, [key], otherImage)).toEqual({ refusal: 'a signature by another key' });
  });

  test('an attestation by the key is no signature', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const document = Buffer.from(bundleOf(privateKey, image, 'https://slsa.dev/provenance/v1'));
    expect(verifyCosign({ kind: 'bundle', document }, [publicKey], image)).toEqual({
      refusal: 'an attestation, which is no signature',
    });
  });

  test.each(['ed25519', 'rsa'] as const)('keys can be of the kind %s', (kind) => {
    const { publicKey, privateKey } =
      kind === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : generateKeyPairSync('ed25519');
    const document = Buffer.from(bundleOf(privateKey, image));
    expect(verifyCosign({ kind: 'bundle', document }, [publicKey], image)).toEqual(valid);
  });

  test.each([
    '',
    '{',
    '{}',
    '[]',
    '{"dsseEnvelope":{"payload":"!","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":7}]}}',
  ])('the bundle %p is refused', (text) => {
    expect(verifyCosign({ kind: 'bundle', document: Buffer.from(text) }, [key], image)).toHaveProperty('refusal');
  });
});

describeWith(['openssl'], 'signatures of notation', () => {
  const verifyJws = (envelope: Buffer, certificates: readonly X509Certificate[], of: Digest, now: number) =>
    verifyNotation({ kind: 'jws', document: envelope }, { certificates, timestampCertificates: [] }, of, now);
  const certificate = new X509Certificate(recorded.notationCertificate);
  const document = Buffer.from(recorded.jws);
  const signedAt = certificate.validFromDate.getTime() + 1000;
  let [authority, leaf, serverLeaf] = [certificate, certificate, certificate];
  let leafKey: KeyObject;
  let serverKey: KeyObject;

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berth-signatures-'));
    const issuer = await writeCertificate(folder, 'authority');
    const issue = async (name: string, usage: string) => {
      const [file, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
      const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
      const by = [
        '-CA',
        issuer.certificate,
        '-CAkey',
        issuer.key,
        '-subj',
        `/CN=${name}`,
        '-addext',
        `extendedKeyUsage=${usage}`,
      ];
      await run('openssl', [...kind, ...by, '-addext', 'basicConstraints=critical,CA:FALSE', '-keyout', key, '-out', file]);
      return { certificate: new X509Certificate(await readFile(file)), key: createPrivateKey(await readFile(key)) };
    };
    authority = new X509Certificate(await readFile(issuer.certificate));
    ({ certificate: leaf, key: leafKey } = await issue('signer', 'codeSigning'));
    ({ certificate: serverLeaf, key: serverKey } = await issue('server', 'serverAuth'));
    await rm(folder, { recursive: true });
  });

  test('an envelope is valid for its image until its certificate ends', () => {
    const validUntil = certificate.validToDate.getTime();
    expect(verifyJws(document, [certificate], image, signedAt)).toEqual({ validUntil });
    expect(verifyJws(document, [certificate], otherImage, signedAt)).toEqual({ refusal: 'a signature of another image' });
    const refusal = 'a signature by a certificate that is not valid now';
    expect(verifyJws(document, [certificate], image, validUntil)).toEqual({ refusal });
    expect(verifyJws(document, [certificate], image, certificate.validFromDate.getTime() - 1)).toEqual({ refusal });
  });

  test('an envelope by a certificate that is not trusted is refused', () => {
    expect(verifyJws(document, [], image, signedAt)).toEqual({
      refusal: 'a signature by a certificate that is not trusted',
    });
  });

  test('an envelope whose attributes were changed is refused', () => {
    const envelope = JSON.parse(recorded.jws) as { readonly protected: string };
    const attributes = JSON.parse(Buffer.from(envelope.protected, 'base64url').toString()) as object;
    const changed = Buffer.from(JSON.stringify({ ...attributes, 'io.cncf.notary.expiry': '2099-01-01T00:00:00Z' }));
    const bytes = Buffer.from(JSON.stringify({ ...envelope, protected: changed.toString('base64url') }));
    expect(verifyJws(bytes, [certificate], image, signedAt)).toEqual({
      refusal: 'an envelope of notation whose signature is wrong',
    });
  });

  test('a certificate is trusted that a trusted authority has issued for the signing of code', () => {
    const verdictOf = (chain: readonly X509Certificate[], trusted: readonly X509Certificate[]) =>
      verifyJws(envelopeOf(leafKey, chain, image), trusted, image, Date.now());
    expect(verdictOf([leaf], [authority])).toHaveProperty('validUntil');
    expect(verdictOf([leaf, authority], [authority])).toHaveProperty('validUntil');
    const refusal = 'a signature by a certificate that is not trusted';
    expect(verdictOf([leaf, authority], [certificate])).toEqual({ refusal });
    expect(verdictOf([serverLeaf], [authority])).toEqual({ refusal: 'an envelope of notation whose signature is wrong' });
    expect(verifyJws(envelopeOf(serverKey, [serverLeaf], image), [authority], image, Date.now())).toEqual({ refusal });
  });

  test('an envelope is refused that has expired, or demands what berth does not know', () => {
    const now = Date.now();
    const enveloped = (attributes: Readonly<Record<string, unknown>>) =>
      verifyJws(envelopeOf(leafKey, [leaf], image, attributes), [leaf], image, now);
    expect(enveloped({})).toHaveProperty('validUntil');
    expect(enveloped({ 'io.cncf.notary.expiry': new Date(now - 1000).toISOString() })).toEqual({
      refusal: 'a signature that has expired',
    });
    expect(enveloped({ crit: ['io.cncf.notary.verificationPlugin'] })).toHaveProperty('refusal');
    expect(enveloped({ 'io.cncf.notary.signingScheme': 'notary.x509.signingAuthority' })).toHaveProperty('refusal');
    expect(enveloped({ alg: 'none' })).toHaveProperty('refusal');
  });

  test.each(['', '{}', '{"payload":"","protected":"","signature":"","header":{"x5c":["!"]}}'])(
    'the envelope %p is refused',
    (text) => {
      expect(verifyJws(Buffer.from(text), [certificate], image, signedAt)).toHaveProperty('refusal');
    },
  );
});

/** Signatures of one image, recorded from notation 1.3.2: `--signature-format cose`, `--expiry 48h`, `--timestamp-url`. */
describe('envelopes of notation with COSE and time stamps', () => {
  const { image: signedImage, coseWithExpiry, coseWithTimestamp, jwsWithTimestamp } = recordedNotation;
  const signed = signedImage as Digest;
  const signer = new X509Certificate(recordedNotation.signer);
  const [codeAuthority, timestampAuthority] = [recordedNotation.codeAuthority, recordedNotation.timestampAuthority].map(
    (pem) => new X509Certificate(pem),
  ) as [X509Certificate, X509Certificate];
  const trust = { certificates: [codeAuthority], timestampCertificates: [timestampAuthority] };
  const withoutTime = { ...trust, timestampCertificates: [] };
  const signedAt = signer.validFromDate.getTime() + 60_000;
  const afterwards = signer.validToDate.getTime() + 365 * 24 * 3_600_000;
  const cose = { kind: 'cose', document: Buffer.from(coseWithTimestamp, 'base64') } as const;
  const expiring = { kind: 'cose', document: Buffer.from(coseWithExpiry, 'base64') } as const;
  const jws = { kind: 'jws', document: Buffer.from(jwsWithTimestamp) } as const;
  const notValidNow = { refusal: 'a signature by a certificate that is not valid now' };

  test.each([cose, jws])('a $kind is valid for its image until its certificate ends', (signature) => {
    const validUntil = signer.validToDate.getTime();
    expect(verifyNotation(signature, withoutTime, signed, signedAt)).toEqual({ validUntil });
    expect(verifyNotation(signature, withoutTime, otherImage, signedAt)).toEqual({ refusal: 'a signature of another image' });
    expect(verifyNotation(signature, withoutTime, signed, afterwards)).toEqual(notValidNow);
    expect(verifyNotation(signature, { ...trust, certificates: [timestampAuthority] }, signed, signedAt)).toEqual({
      refusal: 'a signature by a certificate that is not trusted',
    });
  });

  test.each([cose, jws])('a $kind with a time stamp stays valid after its certificate has expired', (signature) => {
    expect(verifyNotation(signature, trust, signed, signedAt)).toEqual({ validUntil: Infinity });
    expect(verifyNotation(signature, trust, signed, afterwards)).toEqual({ validUntil: Infinity });
    // The authority that issues certificates of signers is none for time stamps.
    const wrong = { ...trust, timestampCertificates: [codeAuthority] };
    expect(verifyNotation(signature, wrong, signed, afterwards)).toEqual(notValidNow);
  });

  test('a time stamp of another signature, or one that was changed, proves no time', () => {
    const [one, other] = [jws, cose].map((signature) => readEnvelope(signature)) as [Envelope, Envelope];
    const [token, signature] = [one.timestamp ?? Buffer.alloc(0), one.signature];
    const period = provenTime(token, signature, [timestampAuthority]);
    expect(Math.abs((period?.latest ?? 0) - signedAt)).toBeLessThan(3_600_000);
    expect((period?.latest ?? 0) - (period?.earliest ?? 0)).toBe(2000);
    expect(provenTime(token, other.signature, [timestampAuthority])).toBeUndefined();
    let refused = 0;
    for (let index = 0; index < token.length; index += 31) {
      const changed = Buffer.from(token);
      changed[index] = (changed[index] ?? 0) ^ 1;
      const found = provenTime(changed, signature, [timestampAuthority]);
      // Bytes outside of what is signed, such as a tag of the list of certificates, may change; the time may not.
      if (found) expect(found).toEqual(period);
      else refused++;
    }
    expect(refused).toBeGreaterThan(0);
    for (const garbage of ['', '30', '3000', '3003020100']) {
      expect(provenTime(Buffer.from(garbage, 'hex'), signature, [timestampAuthority])).toBeUndefined();
    }
  });

  test('a time stamp with more certificates than are read proves no time', () => {
    const { timestamp = Buffer.alloc(0), signature } = readEnvelope(jws) as Envelope;
    const withCertificates = (count: number) => {
      const token = ASN1Obj.parseBuffer(Buffer.from(timestamp));
      const list = token.subs[1]?.subs[0]?.subs.find(({ tag }) => tag.isContextSpecific(0));
      const [first] = list?.subs ?? [];
      while (list && first && list.subs.length < count) list.subs.push(first);
      return token.toDER();
    };
    expect(provenTime(withCertificates(10), signature, [timestampAuthority])).toBeDefined();
    expect(provenTime(withCertificates(11), signature, [timestampAuthority])).toBeUndefined();
  });

  test.each([
    ['20261122094227Z', '2026-11-22T09:42:27.000Z', 0],
    ['20261122094227.5Z', '2026-11-22T09:42:27.500Z', 0],
    ['20261122094227.12Z', '2026-11-22T09:42:27.120Z', 0],
    ['20261122094227.000125Z', '2026-11-22T09:42:27.000Z', 0.125],
  ])('the time %s of a time stamp is read with its fraction', (text, date, rest) => {
    expect(parseGeneralizedTime(text)).toBeCloseTo(Date.parse(date) + rest, 2);
  });

  test.each(['20261122094227', '20261122094227+0100', '20261122094227.Z', '20261322094227Z', '202611220942Z', ''])(
    'the time %p of a time stamp is refused: it is not in UTC, or not complete',
    (text) => {
      expect(() => parseGeneralizedTime(text)).toThrow('not a time in UTC');
    },
  );

  test('a COSE envelope expires at its own time, also with valid certificates', () => {
    const expiry = readEnvelope(expiring)?.expiry ?? 0;
    const longLived = { ...withoutTime, certificates: [signer] };
    expect(Math.abs(expiry - signedAt - 48 * 3_600_000)).toBeLessThan(3_600_000);
    expect(verifyNotation(expiring, longLived, signed, signedAt)).toEqual({ validUntil: signer.validToDate.getTime() });
    expect(verifyNotation(expiring, longLived, signed, expiry)).toEqual({ refusal: 'a signature that has expired' });
  });

  test('a COSE envelope is refused if any byte of what is signed was changed, and never ends a request', () => {
    const { signedBytes, signature } = readEnvelope(cose) as Envelope;
    let refused = 0;
    for (let index = 0; index < cose.document.length; index += 11) {
      const document = Buffer.from(cose.document);
      document[index] = (document[index] ?? 0) ^ 4;
      const changed = { kind: 'cose', document } as const;
      if ('refusal' in verifyNotation(changed, trust, signed, signedAt)) {
        refused++;
        continue;
      }
      const { signedBytes: bytes, signature: value } = readEnvelope(changed) as Envelope;
      expect([bytes.equals(signedBytes), value.equals(signature)]).toEqual([true, true]);
    }
    expect(refused).toBeGreaterThan(0);
  });

  test.each([
    ['empty', ''],
    ['only a tag', 'd2'],
    ['an empty list', 'd280'],
    ['without certificates', 'd28443a10126a0f640'],
    ['cut off', 'd28440a04040'],
    ['not tagged', '84'],
    ['of indefinite length', 'd29f'],
    ['nested deeply', `d284${'81'.repeat(5000)}`],
  ])('a COSE envelope that is %s is refused', (_what, hex) => {
    const document = Buffer.from(hex, 'hex');
    expect(verifyNotation({ kind: 'cose', document }, trust, signed, signedAt)).toEqual({
      refusal: 'an envelope of notation that cannot be read',
    });
  });
});
