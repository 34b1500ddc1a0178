import { ConfigError } from '../../../config/config-error.ts';
import { whereSet } from '../../../config/load.ts';
import type { Config } from '../../../config/schema.ts';
import { type Selector, parseSelector, selectorForm } from '../../oci/patterns/selector.ts';
import type { DeletionServicesOptions } from '../../registry/deletion-services.ts';
import { createImmutableTags } from '../../registry/immutable-tags.ts';

/** Reads `tags.immutable`. Throws `ConfigError` with all patterns that are not valid. */
export function readImmutableTags(config: Config): readonly Selector[] {
  const where = whereSet(config, ['tags', 'immutable']);
  const errors: string[] = [];
  const selectors = config.tags.immutable.flatMap((text) => {
    const selector = parseSelector(text);
    if (!selector) errors.push(`tags.immutable: ${text} is not ${selectorForm}${where}`);
    else if (selector.tags.kind === 'untagged') errors.push(`tags.immutable: ${text} selects no tag${where}`);
    return selector ?? [];
  });
  if (errors.length > 0) throw new ConfigError(errors);
  return selectors;
}

/** Reads `delete`, `trash`, `tags.immutable` and `manifests.references`. Throws `ConfigError`. */
export function readDeletion(config: Config): Pick<DeletionServicesOptions, 'deletion' | 'immutable' | 'acceptMissing'> {
  const { enabled, kinds } = config.delete;
  return {
    immutable: createImmutableTags(readImmutableTags(config)),
    deletion: { kinds: enabled ? kinds : [], windowSeconds: config.trash.window },
    acceptMissing: config.manifests.references === 'optional',
  };
}
