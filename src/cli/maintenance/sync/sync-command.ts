import type { Command } from '../../program/command.ts';

/** `berth sync` */
export const sync: Command = {
  name: 'sync',
  summary: 'copy from and to other registries, as configured',
  arguments: [['[NAME]', 'name of an entry; default: all']],
  options: [
    ['--status', 'show the last runs and what they could not copy; copy nothing'],
    ['--dry-run', 'show what would be copied and deleted; change nothing'],
    ['--full', 'look into images with equal tags, too: parts of them may be missing'],
    ['--tags-only', 'set tags of images that are here already; copy nothing else'],
    ['--allow-deletions', 'delete although it is more than a fifth of all tags'],
  ],
  printsData: true,
  load: async () => (await import('./sync.ts')).runSync,
};
