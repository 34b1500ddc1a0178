import type { OpenObject } from '../../storage/blobs/driver.ts';
import type { Digest } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import { type Reference, parseReference, parseRepositoryName } from '../oci/reference.ts';
import type { Mirror } from './mirror.ts';
import type { MirroredRepository } from './routing.ts';
import { dockerHub } from './upstream.ts';

/** An image as people write it: `alpine`, `ghcr.io/owner/image:tag`, `quay.io/a/b@sha256:…`. */
export interface ImageName {
  readonly host: string;
  readonly name: string;
  readonly reference: Reference;
}

/** As Docker reads it: without a host it is Docker Hub's, without a tag it is `latest`. Undefined for what is no name. */
export function parseImageName(text: string): ImageName | undefined {
  const match = /^(?:([^/@]*[.:][^/@]*|localhost)\/)?([^:@]+)(?::([^@]+))?(?:@(.+))?$/.exec(text);
  const [, host = dockerHub, path = '', tag = 'latest', digest] = match ?? [];
  const name = parseRepositoryName(path);
  const reference = digest === undefined || digest.includes(':') ? parseReference(digest ?? tag) : undefined;
  return name && reference && { host, name, reference };
}

export interface PreheatOptions {
  readonly mirror: Mirror;
  /** The bytes of a manifest that is kept here. */
  readonly manifestBytes: (digest: string) => Promise<Buffer>;
  /** `linux/amd64` and the like; undefined: all that there are. */
  readonly platforms: readonly string[] | undefined;
  /** Bytes that are here, of those that must be. */
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
}

/** Layers fetched at a time. */
const atOnce = 3;

/** Fetches everything of an image that a client would pull. Rejects with what such a client would read. */
export async function preheat(image: ImageName, options: PreheatOptions): Promise<void> {
  const { mirror, onProgress } = options;
  const source = await mirror.locate({
    prefix: undefined,
    namespace: image.host,
    ownHost: () => '',
    name: image.name,
    mayKnow: () => Promise.resolve(true),
  });
  if (!source || source.isPushed) throw new Error(`${image.host}/${image.name} was pushed here`);
  const blobs = await blobsOf(source, image.reference, options);
  const totalBytes = [...blobs.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0);
  let doneBytes = 0;
  const left = blobs.entries();

  async function fetchInTurn(): Promise<void> {
    for (const [digest, sizeBytes] of left) {
      const before = doneBytes;
      await mirror.want(digest);
      const { open } = await mirror.blob(source as MirroredRepository, digest, true);
      if (open) await drain(open(), (bytes) => onProgress((doneBytes += bytes), totalBytes));
      else onProgress((doneBytes = before + sizeBytes), totalBytes);
    }
  }

  onProgress(0, totalBytes);
  await Promise.all(Array.from({ length: atOnce }, fetchInTurn));
}

async function drain(object: OpenObject, onBytes: (bytes: number) => void): Promise<void> {
  try {
    for await (const chunk of object.stream()) onBytes(chunk.length);
  } finally {
    await object.close();
  }
}

/** Every blob of the image, with its size in bytes; of an index those of the wanted platforms. */
async function blobsOf(source: MirroredRepository, reference: Reference, options: PreheatOptions): Promise<Map<Digest, number>> {
  const served = await options.mirror.manifest(source, reference, true);
  const bytes = served.bytes ?? (await options.manifestBytes(served.digest));
  const { blobs, children } = parseManifest(bytes, served.mediaType);
  const found = new Map(blobs.map(({ digest, sizeBytes }) => [digest, sizeBytes]));
  const wanted = children.length === 0 ? [] : wantedChildren(bytes, options.platforms);
  for (const digest of wanted) {
    for (const [blob, sizeBytes] of await blobsOf(source, { digest }, options)) found.set(blob, sizeBytes);
  }
  return found;
}

interface Child {
  readonly digest: Digest;
  readonly platform?: { readonly os?: string; readonly architecture?: string; readonly variant?: string };
}

function wantedChildren(index: Buffer, platforms: readonly string[] | undefined): readonly Digest[] {
  const { manifests } = JSON.parse(index.toString()) as { readonly manifests: readonly Child[] };
  const isWanted = ({ platform: { os = '', architecture = '', variant = '' } = {} }: Child) =>
    !platforms || [`${os}/${architecture}`, `${os}/${architecture}/${variant}`].some((name) => platforms.includes(name));
  return manifests.filter(isWanted).map(({ digest }) => digest);
}
