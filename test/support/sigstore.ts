import { X509Certificate, createHash, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';
import { bundleType, signaturePredicate, statementOf } from './signatures.ts';

/** An installation of Sigstore: an authority that issues certificates for identities, and a transparency log. */
export interface TestSigstore {
  /** The trusted root, as clients get it. */
  readonly trustedRoot: string;
  /** Resolves to somebody who can sign as the identity. */
  issue(issuer: string, subject: string): Promise<TestIdentity>;
}

/** Signs images as cosign does without a key. */
export interface TestIdentity {
  /** Makes a Sigstore bundle, as cosign 3 does. */
  bundle(image: string, predicateType?: string): string;
  /** Makes a payload and the annotations of its layer, as cosign 2 does. */
  payload(image: string): { readonly payload: string; readonly annotations: Readonly<Record<string, string>> };
}

const logUrl = 'https://rekor.example.com';
const issuerExtension = '1.3.6.1.4.1.57264.1.8';

const base64 = (bytes: string | Uint8Array) => Buffer.from(bytes).toString('base64');
const sha256 = (...parts: readonly (string | Uint8Array)[]) =>
  createHash('sha256')
    .update(Buffer.concat(parts.map((part) => Buffer.from(part))))
    .digest();

/** Creates one with keys of its own, by openssl. */
export async function createSigstore(folder: string): Promise<TestSigstore> {
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const authority = { certificate: join(folder, 'fulcio.pem'), key: join(folder, 'fulcio.key') };
  await run('openssl', [...kind, '-subj', '/O=example/CN=fulcio', '-keyout', authority.key, '-out', authority.certificate]);
  const root = new X509Certificate(await readFile(authority.certificate));
  const log = createTestLog();
  let issued = 0;

  return {
    trustedRoot: JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
      tlogs: [log.trusted],
      certificateAuthorities: [
        {
          subject: { organization: 'example', commonName: 'fulcio' },
          uri: 'https://fulcio.example.com',
          certChain: { certificates: [{ rawBytes: base64(root.raw) }] },
          validFor: { start: '2020-01-01T00:00:00Z' },
        },
      ],
      ctlogs: [],
      timestampAuthorities: [],
    }),

    async issue(issuer, subject) {
      const name = join(folder, `identity-${issued++}`);
      const settings = `[req]\ndistinguished_name=name\n[name]\n[extensions]\nkeyUsage=critical,digitalSignature
extendedKeyUsage=codeSigning\nsubjectAltName=critical,${subject.includes('://') ? 'URI' : 'email'}:${subject}
${issuerExtension}=ASN1:UTF8String:${issuer}\n`;
      await writeFile(`${name}.conf`, settings);
      const by = [
        '-CA',
        authority.certificate,
        '-CAkey',
        authority.key,
        '-subj',
        '/',
        '-config',
        `${name}.conf`,
        '-extensions',
        'extensions',
      ];
      await run('openssl', [...kind, ...by, '-keyout', `${name}.key`, '-out', `${name}.pem`]);
      const certificate = new X509Certificate(await readFile(`${name}.pem`));
      return createIdentity(certificate, createPrivateKey(await readFile(`${name}.key`)), log);
    },
  };
}

type TestLog = ReturnType<typeof createTestLog>;

function createTestLog() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const keyId = sha256(spki);
  return {
    trusted: {
      baseUrl: logUrl,
      hashAlgorithm: 'SHA2_256',
      publicKey: {
        rawBytes: base64(spki),
        keyDetails: 'PKIX_ECDSA_P256_SHA_256',
        validFor: { start: '2020-01-01T00:00:00Z' },
      },
      logId: { keyId: base64(keyId) },
    },

    /** Adds an entry to a log that has no other: its leaf is the root of the tree. */
    add(entry: { readonly kind: string; readonly apiVersion: string; readonly spec: object }) {
      const body = base64(JSON.stringify(entry));
      const integratedTime = Math.floor(Date.now() / 1000);
      const signed = { body, integratedTime, logID: keyId.toString('hex'), logIndex: 0 };
      const promise = base64(sign('sha256', Buffer.from(JSON.stringify(signed)), privateKey));
      const rootHash = base64(sha256(Uint8Array.of(0), Buffer.from(body, 'base64')));
      const note = `rekor.example.com\n1\n${rootHash}\n`;
      const noteSignature = base64(Buffer.concat([keyId.subarray(0, 4), sign('sha256', Buffer.from(note), privateKey)]));
      return {
        promise,
        signed,
        entry: {
          logIndex: '0',
          logId: { keyId: base64(keyId) },
          kindVersion: { kind: entry.kind, version: entry.apiVersion },
          integratedTime: String(integratedTime),
          inclusionPromise: { signedEntryTimestamp: promise },
          inclusionProof: {
            logIndex: '0',
            rootHash,
            treeSize: '1',
            hashes: [],
            checkpoint: { envelope: `${note}\n\u2014 rekor.example.com ${noteSignature}\n` },
          },
          canonicalizedBody: body,
        },
      };
    },
  };
}

function createIdentity(certificate: X509Certificate, key: ReturnType<typeof createPrivateKey>, log: TestLog): TestIdentity {
  const signBytes = (bytes: Buffer) => base64(sign('sha256', bytes, key));
  const publicKey = base64(certificate.toString());
  return {
    bundle(image, predicateType = signaturePredicate) {
      const { payload, sig, dsseEnvelope } = statementOf(image, predicateType, signBytes);
      const { entry } = log.add({
        apiVersion: '0.0.1',
        kind: 'dsse',
        spec: {
          envelopeHash: { algorithm: 'sha256', value: sha256(payload).toString('hex') },
          payloadHash: { algorithm: 'sha256', value: sha256(payload).toString('hex') },
          signatures: [{ signature: sig, verifier: publicKey }],
        },
      });
      return JSON.stringify({
        mediaType: bundleType,
        verificationMaterial: { certificate: { rawBytes: base64(certificate.raw) }, tlogEntries: [entry] },
        dsseEnvelope,
      });
    },

    payload(image) {
      const critical = {
        identity: { 'docker-reference': '' },
        image: { 'docker-manifest-digest': image },
        type: 'cosign container image signature',
      };
      const payload = JSON.stringify({ critical, optional: null });
      const signature = signBytes(Buffer.from(payload));
      const { promise, signed } = log.add({
        apiVersion: '0.0.1',
        kind: 'hashedrekord',
        spec: {
          data: { hash: { algorithm: 'sha256', value: sha256(payload).toString('hex') } },
          signature: { content: signature, publicKey: { content: publicKey } },
        },
      });
      return {
        payload,
        annotations: {
          'dev.cosignproject.cosign/signature': signature,
          'dev.sigstore.cosign/certificate': certificate.toString(),
          'dev.sigstore.cosign/bundle': JSON.stringify({ SignedEntryTimestamp: promise, Payload: signed }),
        },
      };
    },
  };
}
