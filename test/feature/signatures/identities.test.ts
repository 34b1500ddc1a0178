import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import type { Digest } from '../../../src/oci/digest.ts';
import { type IdentityVerifier, type SigningIdentity, createIdentityVerifier } from '../../../src/signatures/identities.ts';
import { describeWith } from '../../support/requires.ts';
import { type TestIdentity, type TestSigstore, createSigstore } from '../../support/sigstore.ts';

const image = `sha256:${'1'.repeat(64)}` as Digest;
const otherImage = `sha256:${'2'.repeat(64)}` as Digest;
const issuer = 'https://token.example.com';
const subject = 'https://ci.example.com/acme/app/release.yaml@refs/tags/v1.2';
const workflow: SigningIdentity = { issuer, subject: 'https://ci.example.com/acme/app/release.yaml@refs/tags/v*' };
const valid = { validUntil: Infinity };
const otherIdentity = { refusal: 'a signature by another identity' };
const notVerified = (code: string) => ({
  refusal: `a signature whose certificate, log entry or time stamp does not verify (${code})`,
});

describeWith(['openssl'], 'signatures of cosign by an identity', () => {
  let sigstore: TestSigstore;
  let stranger: TestSigstore;
  let signer: TestIdentity;
  let verify: IdentityVerifier;

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berth-identities-'));
    sigstore = await createSigstore(folder);
    signer = await sigstore.issue(issuer, subject);
    stranger = await createSigstore(await mkdtemp(join(folder, 'stranger-')));
    verify = createIdentityVerifier(sigstore.trustedRoot);
    await rm(folder, { recursive: true });
  });

  const bundle = (text: string) => ({ kind: 'bundle', document: Buffer.from(text) }) as const;
  const withPayload = ({ payload, annotations }: ReturnType<TestIdentity['payload']>, { logEntry }: { logEntry?: string } = {}) =>
    ({
      kind: 'payload',
      payload: Buffer.from(payload),
      value: annotations['dev.cosignproject.cosign/signature'] ?? '',
      proof: {
        certificate: annotations['dev.sigstore.cosign/certificate'] ?? '',
        logEntry: logEntry ?? annotations['dev.sigstore.cosign/bundle'],
        timestamp: undefined,
      },
    }) as const;
  const both = () => [bundle(signer.bundle(image)), withPayload(signer.payload(image))];

  test('a signature is valid for its image, identity and issuer only', () => {
    for (const signature of both()) {
      expect(verify(signature, [workflow], image)).toEqual(valid);
      expect(verify(signature, [{ issuer, subject }], image)).toEqual(valid);
      expect(verify(signature, [workflow], otherImage)).toEqual({ refusal: 'a signature of another image' });
      expect(verify(signature, [], image)).toEqual(otherIdentity);
      expect(verify(signature, [{ ...workflow, issuer: 'https://token.example.org' }], image)).toEqual(otherIdentity);
    }
  });

  test.each(['https://ci.example.com/acme', '*/app', 'https://ci.example.com/acme/app/releaseXyaml@*', '', '.*'])(
    'the subject %p does not match a part of the identity',
    (pattern) => {
      expect(verify(bundle(signer.bundle(image)), [{ issuer, subject: pattern }], image)).toEqual(otherIdentity);
    },
  );

  test('an attestation by the identity is no signature', () => {
    expect(verify(bundle(signer.bundle(image, 'https://slsa.dev/provenance/v1')), [workflow], image)).toEqual({
      refusal: 'an attestation, which is no signature',
    });
  });

  test('a certificate and a log of another installation are not trusted', () => {
    const others = createIdentityVerifier(stranger.trustedRoot);
    for (const signature of both()) expect(others(signature, [workflow], image)).toEqual(notVerified('CERTIFICATE_ERROR'));
  });

  test('an entry of the log that is about another signature is refused', () => {
    const logEntry = signer.payload(otherImage).annotations['dev.sigstore.cosign/bundle'] ?? '';
    expect(verify(withPayload(signer.payload(image), { logEntry }), [workflow], image)).toEqual(notVerified('TLOG_BODY_ERROR'));
  });

  test('an entry whose time was changed is refused', () => {
    const { annotations, ...rest } = signer.payload(image);
    const text = annotations['dev.sigstore.cosign/bundle'] ?? '';
    const changed = (_: string, seconds: string) => `"integratedTime":${Number(seconds) + 60}`;
    const logEntry = text.replace(/"integratedTime":(\d+)/, changed);
    expect(verify(withPayload({ annotations, ...rest }, { logEntry }), [workflow], image)).toEqual(
      notVerified('TLOG_INCLUSION_PROMISE_ERROR'),
    );
  });

  test('a signature without an entry in the log is refused', () => {
    const document = JSON.parse(signer.bundle(image)) as { verificationMaterial: { tlogEntries: unknown[] } };
    document.verificationMaterial.tlogEntries = [];
    expect(verify(bundle(JSON.stringify(document)), [workflow], image)).toEqual(notVerified('TIMESTAMP_ERROR'));
  });

  test('a certificate needs a stamp of its log if the trusted root names one', () => {
    const root = JSON.parse(sigstore.trustedRoot) as { tlogs: unknown[]; ctlogs: unknown[] };
    const strict = createIdentityVerifier(JSON.stringify({ ...root, ctlogs: root.tlogs }));
    expect(strict(bundle(signer.bundle(image)), [workflow], image)).toEqual(notVerified('CERTIFICATE_ERROR'));
  });

  test('a signature with a key has no identity, and nonsense is refused', () => {
    const byKey = { kind: 'payload', payload: Buffer.from('{}'), value: '', proof: undefined } as const;
    expect(verify(byKey, [workflow], image)).toEqual({ refusal: 'a signature without the certificate of an identity' });
    for (const text of ['', '{', '{}', '[]', '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}'])
      expect(verify(bundle(text), [workflow], image)).toEqual(notVerified('UNREADABLE'));
  });

  test.each(['', '{', '{}', '{"certificateAuthorities":[]}', 'null'])('the trusted root %p cannot be used', (text) => {
    expect(() => createIdentityVerifier(text)).toThrow();
  });
});
