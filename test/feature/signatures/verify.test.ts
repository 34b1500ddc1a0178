import { type KeyObject, X509Certificate, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Digest } from '../../../src/oci/digest.ts';
import { verifyCosign } from '../../../src/signatures/cosign.ts';
import { verifyNotation } from '../../../src/signatures/notation.ts';
import { writeCertificate } from '../../support/certificate.ts';
import { describeWith } from '../../support/requires.ts';
import { run } from '../../support/run.ts';
import { bundleOf, envelopeOf } from '../../support/signatures.ts';
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
    expect(verifyNotation(document, [certificate], image, signedAt)).toEqual({ validUntil });
    expect(verifyNotation(document, [certificate], otherImage, signedAt)).toEqual({ refusal: 'a signature of another image' });
    const refusal = 'a signature by a certificate that is not valid now';
    expect(verifyNotation(document, [certificate], image, validUntil)).toEqual({ refusal });
    expect(verifyNotation(document, [certificate], image, certificate.validFromDate.getTime() - 1)).toEqual({ refusal });
  });

  test('an envelope by a certificate that is not trusted is refused', () => {
    expect(verifyNotation(document, [], image, signedAt)).toEqual({
      refusal: 'a signature by a certificate that is not trusted',
    });
  });

  test('an envelope whose attributes were changed is refused', () => {
    const envelope = JSON.parse(recorded.jws) as { readonly protected: string };
    const attributes = JSON.parse(Buffer.from(envelope.protected, 'base64url').toString()) as object;
    const changed = Buffer.from(JSON.stringify({ ...attributes, 'io.cncf.notary.expiry': '2099-01-01T00:00:00Z' }));
    const bytes = Buffer.from(JSON.stringify({ ...envelope, protected: changed.toString('base64url') }));
    expect(verifyNotation(bytes, [certificate], image, signedAt)).toEqual({
      refusal: 'an envelope of notation whose signature is wrong',
    });
  });

  test('a certificate is trusted that a trusted authority has issued for the signing of code', () => {
    const verdictOf = (chain: readonly X509Certificate[], trusted: readonly X509Certificate[]) =>
      verifyNotation(envelopeOf(leafKey, chain, image), trusted, image, Date.now());
    expect(verdictOf([leaf], [authority])).toHaveProperty('validUntil');
    expect(verdictOf([leaf, authority], [authority])).toHaveProperty('validUntil');
    const refusal = 'a signature by a certificate that is not trusted';
    expect(verdictOf([leaf, authority], [certificate])).toEqual({ refusal });
    expect(verdictOf([serverLeaf], [authority])).toEqual({ refusal: 'an envelope of notation whose signature is wrong' });
    expect(verifyNotation(envelopeOf(serverKey, [serverLeaf], image), [authority], image, Date.now())).toEqual({ refusal });
  });

  test('an envelope is refused that has expired, or demands what berth does not know', () => {
    const now = Date.now();
    const enveloped = (attributes: Readonly<Record<string, unknown>>) =>
      verifyNotation(envelopeOf(leafKey, [leaf], image, attributes), [leaf], image, now);
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
      expect(verifyNotation(Buffer.from(text), [certificate], image, signedAt)).toHaveProperty('refusal');
    },
  );
});
