import type { Config } from '../../config/schema.ts';
import type { MetadataStore } from '../../storage/metadata/store.ts';
import { createRetentionOverview } from '../maintenance/retention/overview.ts';
import type { Retention } from '../maintenance/retention/retention.ts';
import type { Registry } from '../registry/registry.ts';
import { openArchiveExports } from './archives.ts';
import type { ApiServices } from './guard.ts';

export interface ApiParts {
  readonly registry: Registry;
  readonly metadata: MetadataStore;
  readonly retention: Retention;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Returns what the API does apart from accounts and permissions. */
export function openApiServices(config: Config, { registry, metadata, retention, now }: ApiParts): ApiServices {
  return {
    content: registry,
    pulls: registry.pulls,
    retention: createRetentionOverview(metadata, retention, now),
    exports: openArchiveExports(config, { ...registry, metadata }),
  };
}
