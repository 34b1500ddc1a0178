import type { Command, CommandGroup } from '../program/command.ts';

/** `berth config …` */
export const config: CommandGroup = {
  name: 'config',
  summary: 'check, import and list the configuration',
  commands: [
    {
      name: 'check',
      summary: 'check the configuration and the files that it names; print every error',
      printsData: true,
      serves: true,
      load: async () => (await import('./config-check.ts')).checkConfiguration,
    },
    {
      name: 'import',
      summary: 'translate the configuration of registry:2, with REGISTRY_* variables',
      arguments: [['FILE', 'its config.yml; - reads standard input']],
      printsData: true,
      load: async () => (await import('./config-import.ts')).importConfiguration,
    },
    {
      name: 'keys',
      summary: 'list every key with its variable, default and meaning',
      printsData: true,
      load: async () => (await import('./config-keys.ts')).listKeys,
    },
  ],
};

/** `berth version` */
export const version: Command = {
  name: 'version',
  summary: 'print the version',
  printsData: true,
  load: async () => (await import('./version.ts')).printVersion,
};
