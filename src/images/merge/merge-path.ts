import type { Entry } from '../index/entry.ts';
import type { Change } from '../index/image-head.ts';

/** What the layers of an image have at one path. */
export interface MergedPath {
  /** What a container sees; undefined if a layer has deleted it. Its `layer` is the layer that it comes from. */
  readonly visible: Entry | undefined;
  /** All entries of the path, from the bottom to the top, with what each changes. */
  readonly entries: readonly { readonly entry: Entry; readonly layer: number; readonly change: Change }[];
}

interface LayerEntry {
  readonly entry: Entry;
  readonly layer: number;
}

/**
 * Merges the entries of one path, from the bottom to the top. `inherited`: layers that wipe a directory above it; `ownWipes`:
 * those that wipe this one.
 */
export function mergePath(
  group: readonly LayerEntry[],
  inherited: readonly number[],
): { readonly merged: MergedPath; readonly ownWipes: readonly number[] } {
  let below: LayerEntry | undefined;
  const ownWipes: number[] = [];
  const entries: { entry: Entry; layer: number; change: Change }[] = [];

  const hideBefore = (layer: number) => {
    const covered = below;
    if (covered && inherited.some((wipe) => wipe > covered.layer && wipe <= layer)) below = undefined;
  };

  for (const { entry, layer } of group) {
    hideBefore(layer);
    const change = changeOf(entry, below?.entry);
    entries.push({ entry, layer, change });
    if (entry.type === 'opaque') continue;
    if (entry.type === 'whiteout' || entry.isOpaque || replacesKind(entry, below?.entry)) ownWipes.push(layer);
    if (entry.type === 'whiteout') below = undefined;
    // An implied directory only leads to what is below it: the attributes stay.
    else if (!(entry.isImplied && below?.entry.type === 'directory')) below = { entry, layer };
  }
  hideBefore(Infinity);
  const visible = below && { ...below.entry, layer: below.layer };
  return { merged: { visible, entries }, ownWipes };
}

/** True if one is a directory and the other is not: what was below the former is gone. */
function replacesKind(entry: Entry, below: Entry | undefined): boolean {
  return below !== undefined && (below.type === 'directory') !== (entry.type === 'directory');
}

function changeOf(entry: Entry, below: Entry | undefined): Change {
  if (entry.type === 'opaque') return 'none';
  if (entry.type === 'whiteout') return below ? 'deleted' : 'none';
  if (!below) return 'added';
  const isSameDirectory = entry.type === 'directory' && below.type === 'directory' && isUnchanged(entry, below);
  return isSameDirectory ? 'none' : 'changed';
}

/** True if the directory has the attributes of the one below it: archives repeat the directories of changed files. */
function isUnchanged(entry: Entry, below: Entry): boolean {
  return entry.isImplied || (entry.mode === below.mode && entry.uid === below.uid && entry.gid === below.gid);
}
