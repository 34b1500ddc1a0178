import { authorize } from '../../access/permissions/authorize.ts';
import type { Principal } from '../../access/permissions/principal.ts';
import type { QuotaOverview } from '../../maintenance/quotas/overview.ts';
import type { StorageSummary, UsageOverview } from '../../maintenance/usage/usage-overview.ts';
import type { UsageTree } from '../../maintenance/usage/usage-tree.ts';
import { OciError } from '../../oci/errors.ts';
import { type RepositoryName, parseRepositoryName } from '../../oci/reference.ts';
import type { ShownTrashEntry, Trash } from '../../registry/trash.ts';
import type { AccessControl } from '../auth/access-control.ts';
import { pageOf } from '../v2/listings.ts';

type Quotas = Awaited<ReturnType<QuotaOverview['listOf']>>;

/** What is stored, for the page and the API: each visitor sees only what it may pull, an admin everything. */
export interface StorageView {
  /** True if the visitor may see totals: admins, and every client of mode open unless it hides content. */
  seesAll(visitor: Principal): boolean;
  /** Sums of everything. The caller has checked that the visitor may see totals. */
  summary(): Promise<StorageSummary>;
  /** Divides what the visitor may pull: '' by namespace, `team-a/` by repository, `team-a/app` by image. Throws NAME_UNKNOWN. */
  tree(visitor: Principal, at: string): Promise<UsageTree>;
  /** Returns the largest quotas for a visitor who sees all; otherwise those of the first repositories that it may push to. */
  quotas(visitor: Principal): Promise<Quotas>;
  /** Lists entries of the trash of repositories that the visitor may delete from, before the id, newest first. */
  trash(visitor: Principal, before: number, limit: number): Promise<readonly ShownTrashEntry[]>;
}

export interface StorageViewOptions {
  readonly access: Pick<AccessControl, 'allows' | 'visible'>;
  readonly usage: UsageOverview;
  readonly quotas: Pick<QuotaOverview, 'list' | 'listOf'>;
  readonly trash: Pick<Trash, 'list'>;
}

/** Repositories that are looked at for a visitor who does not see all. */
const maxRepositories = 500;
const maxQuotas = 50;
const quotaRepositories = 20;

export function createStorageView({ access, usage, quotas, trash }: StorageViewOptions): StorageView {
  const seesAll = (visitor: Principal) =>
    access.visible(visitor, '') === undefined || authorize(visitor, { action: 'administer' }) === 'allow';

  /** Returns the first repositories that the visitor may pull, in the namespace if one is given. */
  async function visibleNames(
    visitor: Principal,
    namespace: string,
  ): Promise<{ names: readonly RepositoryName[]; more: boolean }> {
    const prefix = namespace === '' ? '' : `${namespace}/`;
    const names = access.visible(visitor, prefix);
    if (!names) return { names: [], more: false };
    const { items, more } = await pageOf(whileWithin(names, prefix), maxRepositories);
    const named = parseRepositoryName(namespace);
    const first = named && (await access.allows(visitor, 'pull', named)) ? [named] : [];
    return { names: [...first, ...(items as readonly RepositoryName[])], more };
  }

  async function treeOfNamespace(visitor: Principal, namespace: string): Promise<UsageTree> {
    if (seesAll(visitor)) return usage.trees.ofAll(namespace);
    const { names, more } = await visibleNames(visitor, namespace);
    return usage.trees.among(names, namespace, more);
  }

  return {
    seesAll,
    summary: usage.summary,

    async tree(visitor, at) {
      if (at === '' || at.endsWith('/')) {
        const tree = await treeOfNamespace(visitor, at.slice(0, -1));
        if (at !== '' && tree.parts.length === 0) throw new OciError('NAME_UNKNOWN');
        return tree;
      }
      const repository = parseRepositoryName(at);
      if (!repository || !(await access.allows(visitor, 'pull', repository))) throw new OciError('NAME_UNKNOWN');
      return usage.trees.ofRepository(repository);
    },

    async quotas(visitor) {
      if (seesAll(visitor)) return (await quotas.list(undefined, maxQuotas))?.quotas ?? [];
      // Without any quota, the repositories that the visitor may pull need not be found for each view.
      if ((await quotas.list(undefined, 1))?.quotas.length === 0) return [];
      const { names } = await visibleNames(visitor, '');
      const found = new Map<string, Quotas[number]>();
      let looked = 0;
      for (const name of names) {
        if (looked === quotaRepositories) break;
        if (!(await access.allows(visitor, 'push', name))) continue;
        looked += 1;
        for (const quota of await quotas.listOf(name)) found.set(`${quota.quota} ${quota.name}`, quota);
      }
      return [...found.values()];
    },

    async trash(visitor, before, limit) {
      if (seesAll(visitor)) return trash.list(undefined, before, limit);
      const { names } = await visibleNames(visitor, '');
      const deletable: RepositoryName[] = [];
      for (const name of names) if (await access.allows(visitor, 'delete', name)) deletable.push(name);
      return deletable.length === 0 ? [] : trash.list(deletable, before, limit);
    },
  };
}

async function* whileWithin(names: AsyncIterable<RepositoryName>, prefix: string): AsyncGenerator<RepositoryName> {
  for await (const name of names) {
    if (!name.startsWith(prefix)) return;
    yield name;
  }
}
