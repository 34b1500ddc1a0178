import type { AdoptionCounts, AdoptionState } from '../../../storage/metadata/queries/adoption/runs.ts';
import type { OddityCount } from '../../../storage/metadata/queries/adoption/oddities.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { type Oddity, type OddityKind, oddities } from './oddities.ts';

/** The state of an adoption, and what its newest run has found. */
export interface AdoptionReport extends AdoptionState, AdoptionCounts {
  /** The part of the newest run that is done, as a fraction of 1. */
  readonly part: number;
  readonly oddities: readonly OddityCount[];
}

/** Shows what an adoption has found. */
export interface Adoption {
  /** Undefined if nothing was ever adopted. */
  find(): Promise<AdoptionReport | undefined>;
  /** Oddities behind one (exclusive), ascending by path. */
  listOddities(after: { readonly path: string; readonly kind: string } | undefined, limit: number): Promise<readonly Oddity[]>;
}

type Parts = Pick<MetadataStore, 'adoption' | 'adoptionOddities'>;

export function createAdoption({ adoption, adoptionOddities }: Parts): Adoption {
  return {
    async find() {
      const state = await adoption.find();
      if (!state) return undefined;
      const shards = await adoption.listShards();
      const sum = (count: keyof AdoptionCounts) => shards.reduce((total, shard) => total + shard[count], 0);
      const done = shards.filter(({ isDone }) => isDone).length;
      return {
        ...state,
        part: shards.length === 0 ? 0 : done / shards.length,
        blobs: sum('blobs'),
        bytes: sum('bytes'),
        layers: sum('layers'),
        manifests: sum('manifests'),
        tags: sum('tags'),
        oddities: await adoptionOddities.count(),
      };
    },
    async listOddities(after, limit) {
      const rows = await adoptionOddities.list(after?.path ?? '', after?.kind ?? '', limit);
      return rows.map(({ path, kind, detail }) => ({ path, kind: kind as OddityKind, detail }));
    },
  };
}

/** Returns the oddity as a sentence. */
export function describeOddity({ path, kind, detail }: Oddity): string {
  const sentence = `${path} ${oddities[kind]}`;
  return detail === '' ? sentence : `${sentence} (${detail})`;
}
