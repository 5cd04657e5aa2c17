// Node.js 18, which Debian 12 has, keeps the Web Crypto API out of the global names.
// Import this before the packages that look for it there.
import { webcrypto } from 'node:crypto';

globalThis.crypto ??= webcrypto;
