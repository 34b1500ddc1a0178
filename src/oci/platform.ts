/** The platform of an image (image-spec, image-index.md). */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** '' if there is none. */
  readonly variant: string;
}

/** The platform of most servers: of an index without a wish the image for it counts, if there is one. */
export const defaultPlatform: Platform = { os: 'linux', architecture: 'amd64', variant: '' };

/** Parses `linux/amd64` or `linux/arm64/v8`; undefined for other texts. */
export function parsePlatform(text: string): Platform | undefined {
  const [, os, architecture, variant = ''] = /^([a-z0-9]+)\/([a-z0-9_]+)(?:\/([a-z0-9.]+))?$/.exec(text) ?? [];
  return os === undefined || architecture === undefined ? undefined : { os, architecture, variant };
}

/** Reads the platform of a config or of an entry of an index; undefined for attestations and for what has no platform. */
export function readPlatform(value: unknown): Platform | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { os, architecture, variant } = value as Readonly<Record<string, unknown>>;
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined;
  if (os === '' || os === 'unknown' || architecture === '') return undefined;
  return { os, architecture, variant: typeof variant === 'string' ? variant : '' };
}

/** True if an image of platform `actual` is what `wanted` names: `linux/arm64` also names `linux/arm64/v8`. */
export function matchesPlatform(wanted: Platform, actual: Platform | undefined): boolean {
  return (
    actual?.os === wanted.os &&
    actual.architecture === wanted.architecture &&
    (wanted.variant === '' || wanted.variant === actual.variant)
  );
}

/** Returns the platform as people write it: `linux/arm64/v8`. */
export function platformName({ os, architecture, variant }: Platform): string {
  return variant === '' ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}
