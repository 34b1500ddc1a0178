import { type KeyObject, type X509Certificate, sign } from 'node:crypto';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { type Server, type TestImage, descriptor, digestOf, pushBlob, putManifest } from './images.ts';

/** Signatures as clients make them. */

export const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** Signs the statement of cosign 3 about an image. `signBytes`: returns a signature in Base64. */
export function statementOf(image: string, predicateType: string, signBytes: (bytes: Buffer) => string) {
  const [algorithm = '', hex = ''] = image.split(':');
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { [algorithm]: hex } }],
    predicateType,
    predicate: {},
  };
  const payload = Buffer.from(JSON.stringify(statement));
  const payloadType = 'application/vnd.in-toto+json';
  const header = `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `;
  const sig = signBytes(Buffer.concat([Buffer.from(header), payload]));
  return { payload, sig, dsseEnvelope: { payload: payload.toString('base64'), payloadType, signatures: [{ sig }] } };
}

export const signaturePredicate = 'https://sigstore.dev/cosign/sign/v1';

/** Makes a Sigstore bundle as cosign 3 does with a key. */
export function bundleOf(key: KeyObject, image: string, predicateType = signaturePredicate): string {
  const signBytes = (bytes: Buffer) => sign(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', bytes, key).toString('base64');
  const { dsseEnvelope } = statementOf(image, predicateType, signBytes);
  return JSON.stringify({ mediaType: bundleType, verificationMaterial: { publicKey: { hint: '' } }, dsseEnvelope });
}

/** Makes an envelope as notation does. The key is one of elliptic curve P-256. */
export function envelopeOf(
  key: KeyObject,
  chain: readonly X509Certificate[],
  image: string,
  attributes: Readonly<Record<string, unknown>> = {},
): Buffer {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const payload = encode({ targetArtifact: { digest: image, mediaType: mediaTypes.ociManifest, size: 1 } });
  const head = encode({
    alg: 'ES256',
    crit: ['io.cncf.notary.signingScheme'],
    cty: 'application/vnd.cncf.notary.payload.v1+json',
    'io.cncf.notary.signingScheme': 'notary.x509',
    ...attributes,
  });
  const signature = sign('sha256', Buffer.from(`${head}.${payload}`), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  const x5c = chain.map(({ raw }) => raw.toString('base64'));
  return Buffer.from(JSON.stringify({ payload, protected: head, header: { x5c }, signature }));
}

/** Pushes a bundle as a referrer of the image. Returns its digest. */
export async function pushBundle(
  server: Server,
  repository: string,
  image: Pick<TestImage, 'manifest' | 'digest'>,
  bundle: string,
) {
  for (const blob of [bundle, '{}']) await pushBlob(server, repository, blob);
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: bundleType,
    config: descriptor('{}', 'application/vnd.oci.empty.v1+json'),
    layers: [descriptor(bundle, bundleType)],
    subject: { mediaType: mediaTypes.ociManifest, digest: image.digest, size: Buffer.byteLength(image.manifest) },
  });
  const digest = digestOf(manifest);
  const answer = await putManifest(server, repository, digest, manifest);
  if (answer.status !== 201) throw new Error(`push of a signature: ${answer.status} ${answer.body.toString()}`);
  return digest;
}

/** Pushes a payload with its annotations under the tag of signatures of the image, as cosign 2 does. */
export async function pushPayload(
  server: Server,
  repository: string,
  image: string,
  { payload, annotations }: { readonly payload: string; readonly annotations: Readonly<Record<string, string>> },
) {
  for (const blob of [payload, '{}']) await pushBlob(server, repository, blob);
  const layer = descriptor(payload, 'application/vnd.dev.cosign.simplesigning.v1+json');
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: descriptor('{}', 'application/vnd.oci.image.config.v1+json'),
    layers: [{ ...layer, annotations }],
  });
  const answer = await putManifest(server, repository, `${image.replace(':', '-')}.sig`, manifest);
  if (answer.status !== 201) throw new Error(`push of a signature: ${answer.status} ${answer.body.toString()}`);
}
