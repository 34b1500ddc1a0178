import type { Command, CommandGroup } from '../../program/command.ts';

/** `berth restore` */
export const restore: Command = {
  name: 'restore',
  summary: 'bring back the metadata of a backup, into an empty database',
  arguments: [['[BACKUP]', 'a name, a file, or latest']],
  options: [
    ['--from-links', 'without a backup: repositories and tags from the links in the blob store'],
    ['--from-blobs', 'without backup and links: manifests that are found among the blobs, below recovered/'],
    ['--finish', 'go on after a restore that broke off, or let garbage collection run after --from-blobs'],
  ],
  printsData: true,
  load: async () => (await import('./restore.ts')).restore,
};

/** `berth backup …` */
export const backup: CommandGroup = {
  name: 'backup',
  summary: 'make, list and test backups of the metadata',
  commands: [
    {
      name: 'create',
      summary: 'make a backup now, also beside a running server',
      printsData: true,
      load: async () => (await import('./backup.ts')).createBackup,
    },
    {
      name: 'list',
      summary: 'list backups, newest first',
      printsData: true,
      load: async () => (await import('./backup.ts')).listBackups,
    },
    {
      name: 'drill',
      summary: 'restore a backup into a temporary place, compare it with the blob store, and pull some images',
      arguments: [['[BACKUP]', 'a name, a file, or latest; default: latest']],
      options: [['--sample <NUMBER>', 'number of images; default: 5']],
      printsData: true,
      load: async () => (await import('./drill.ts')).drillBackup,
    },
    {
      name: 'delete',
      summary: 'delete a backup; what only this backup needs is kept no longer',
      arguments: [['BACKUP', 'name, as berth backup list prints it']],
      printsData: true,
      load: async () => (await import('./backup.ts')).deleteBackup,
    },
  ],
};
