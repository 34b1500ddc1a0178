import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';

/** An entry of an index, as far as a choice of platforms looks into it. */
interface Entry {
  readonly digest?: unknown;
  readonly platform?: { readonly os?: unknown; readonly architecture?: unknown; readonly variant?: unknown } | null;
  readonly annotations?: Readonly<Record<string, unknown>> | null;
}

/** BuildKit writes it on attestations: the manifest that they are about. */
const attestedDigest = 'vnd.docker.reference.digest';

/**
 * Returns the digests of entries that are copied: those of the wanted platforms, attestations about them, and entries that
 * name no platform. `linux/arm64` also stands for `linux/arm64/v8`. `index` has been parsed before as a manifest with these
 * `children`.
 */
export function chooseChildren(
  index: Buffer,
  children: readonly Descriptor[],
  platforms: readonly string[] | undefined,
): ReadonlySet<Digest> {
  const all = new Set(children.map(({ digest }) => digest));
  if (!platforms) return all;
  const { manifests } = JSON.parse(index.toString()) as { readonly manifests: readonly Entry[] };
  const chosen = new Set(manifests.filter((entry) => isWanted(entry, platforms)).map(({ digest }) => digest as Digest));
  const attested = manifests.filter(({ annotations }) => chosen.has(annotations?.[attestedDigest] as Digest));
  return new Set([...chosen, ...attested.map(({ digest }) => digest as Digest)]);
}

function isWanted({ platform, annotations }: Entry, platforms: readonly string[]): boolean {
  if (annotations?.[attestedDigest] !== undefined) return false;
  const { os, architecture, variant } = platform ?? {};
  if (typeof os !== 'string' || typeof architecture !== 'string') return true;
  const name = `${os}/${architecture}`;
  const names = typeof variant === 'string' ? [name, `${name}/${variant}`] : [name];
  return names.some((one) => platforms.includes(one));
}
