import type { Descriptor } from './descriptor.ts';
import type { Manifest } from './manifest.ts';
import { type Platform, defaultPlatform, matchesPlatform, readPlatform } from './platform.ts';

/** An entry of an index (image-spec, image-index.md). */
export interface IndexEntry {
  readonly descriptor: Descriptor;
  /** Undefined for attestations, and for entries that name no platform. */
  readonly platform: Platform | undefined;
}

/** An entry for a platform. */
export interface PlatformEntry extends IndexEntry {
  readonly platform: Platform;
}

/** Returns the entries of an index in their order. `document`: the JSON that was parsed as `manifest`. */
export function indexEntries({ children }: Pick<Manifest, 'children'>, document: unknown): readonly IndexEntry[] {
  const { manifests } = document as { readonly manifests?: readonly { readonly platform?: unknown }[] };
  return children.map((descriptor, index) => ({ descriptor, platform: readPlatform(manifests?.[index]?.platform) }));
}

/** Returns the entries that are images for a platform. */
export function platformEntries(manifest: Pick<Manifest, 'children'>, document: unknown): readonly PlatformEntry[] {
  return indexEntries(manifest, document).filter((entry): entry is PlatformEntry => entry.platform !== undefined);
}

/** Returns the entry for the platform (default: linux/amd64), or the first entry if none is for it. */
export function choosePlatformEntry(entries: readonly PlatformEntry[], wanted: Platform | undefined): PlatformEntry | undefined {
  return entries.find(({ platform }) => matchesPlatform(wanted ?? defaultPlatform, platform)) ?? entries[0];
}
