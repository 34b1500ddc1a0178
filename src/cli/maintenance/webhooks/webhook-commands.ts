import type { CommandGroup } from '../../program/command.ts';

/** `berth webhooks …` */
export const webhooks: CommandGroup = {
  name: 'webhooks',
  summary: 'show, repeat and test messages to other servers',
  commands: [
    {
      name: 'list',
      summary: 'list the targets and how deliveries go',
      printsData: true,
      load: async () => (await import('./targets.ts')).listWebhooks,
    },
    {
      name: 'deliveries',
      summary: 'list messages for a target, newest first',
      arguments: [['TARGET', 'name of a target in the configuration']],
      options: [
        ['--state <STATE>', 'waiting, delivered or dead (given up); default: all'],
        ['--limit <NUMBER>', 'number of messages; default: 50'],
      ],
      printsData: true,
      load: async () => (await import('./deliveries.ts')).listDeliveries,
    },
    {
      name: 'resend',
      summary: 'let the server send messages again',
      arguments: [
        ['TARGET', 'name of a target in the configuration'],
        ['[ID...]', 'ids, as berth webhooks deliveries prints them; default: all messages that were given up'],
      ],
      printsData: true,
      load: async () => (await import('./deliveries.ts')).resendMessages,
    },
    {
      name: 'test',
      summary: 'send a test message to a target now',
      arguments: [['TARGET', 'name of a target in the configuration']],
      printsData: true,
      load: async () => (await import('./targets.ts')).sendTestMessage,
    },
  ],
};
