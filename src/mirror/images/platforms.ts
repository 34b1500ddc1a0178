/** `linux/amd64`, `linux/arm64/v8`; undefined: all that an image has. */
export type Platforms = readonly string[] | undefined;

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

/** Returns those of `words` that are no platform, such as `amd64`. */
export function notPlatforms(words: readonly string[]): readonly string[] {
  return words.filter((word) => word !== 'all' && !/^[a-z0-9]+\/[a-z0-9_]+(?:\/[a-z0-9.]+)?$/.test(word));
}

/** Parses platforms as an operator writes them. Default: that of this machine, as its clients have it too most likely. */
export function readPlatforms(words: readonly string[]): Platforms {
  if (words.includes('all')) return undefined;
  return words.length > 0 ? words : [`linux/${architectures[process.arch] ?? process.arch}`];
}
