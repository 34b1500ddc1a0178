import type { MetadataStore } from '../../../storage/metadata/store.ts';
import type { Upstream } from '../../upstream/upstream.ts';

/**
 * The upstreams that have, or had, `passThrough`. Their private content that is stored here stays private after the upstream, or
 * its `passThrough`, has left the configuration.
 */
export interface PassedThrough {
  /** Names of upstreams whose stored content may be readable only with a token of the upstream. */
  readonly names: ReadonlySet<string>;
  /** Records those of `upstreams` that have `passThrough`: before anything is fetched from them. Durable when resolved. */
  record(upstreams: readonly Upstream[]): Promise<void>;
}

/** Reads the names of former upstreams, and records those of `upstreams`. */
export async function openPassedThrough(
  { mirroredRepositories }: Pick<MetadataStore, 'mirroredRepositories'>,
  upstreams: readonly Upstream[],
): Promise<PassedThrough> {
  const names = new Set(await mirroredRepositories.listPassedThrough());
  const passedThrough: PassedThrough = {
    names,
    async record(next) {
      for (const { name, passThrough } of next) {
        if (passThrough !== true || names.has(name)) continue;
        await mirroredRepositories.recordPassedThrough(name);
        names.add(name);
      }
    },
  };
  await passedThrough.record(upstreams);
  return passedThrough;
}
