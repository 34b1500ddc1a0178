import type { Argument, CommandGroup } from '../program/command.ts';

export const repository: Argument = ['[REPOSITORY]', 'only of this repository'];

/** `berth trash …` */
export const trash: CommandGroup = {
  name: 'trash',
  summary: 'delete images, restore deleted ones',
  commands: [
    {
      name: 'list',
      summary: 'list deleted images that can be restored',
      arguments: [repository],
      printsData: true,
      load: async () => (await import('./trash.ts')).listTrash,
    },
    {
      name: 'put',
      summary: 'delete images with their tags and with what only they keep',
      arguments: [['[REF...]', 'images: team/app:1.0 or team/app@sha256:…']],
      options: [
        ['--dry-run', 'print what would be deleted; with --json a plan for --plan'],
        ['--plan <FILE>', 'delete what a plan names, except images that have changed since'],
        ['--reason <TEXT>', 'why, for the trash and the history of tags'],
      ],
      printsData: true,
      load: async () => (await import('./trash.ts')).putIntoTrash,
    },
    {
      name: 'restore',
      summary: 'restore an entry of the trash: its manifests and tags',
      arguments: [
        ['REPOSITORY', 'the repository'],
        ['ENTRY', 'the id that berth trash list prints'],
      ],
      options: [['--rename <LIST>', 'other names for tags that have moved since, such as 1.0=1.0-old']],
      printsData: true,
      load: async () => (await import('./trash.ts')).restoreTrash,
    },
    {
      name: 'empty',
      summary: 'delete for good what is in the trash',
      arguments: [repository],
      options: [
        ['--entry <LIST>', 'only these entries, such as 17,18'],
        ['--dry-run', 'print what would be deleted'],
      ],
      printsData: true,
      load: async () => (await import('./trash.ts')).emptyTrash,
    },
  ],
};
