import { stripTypeScriptTypes } from 'node:module';

/** Tests run as the server does: the types are taken off by Node.js itself, every line stays where it is. */
export default {
  process: (source) => ({ code: stripTypeScriptTypes(source) }),
};
