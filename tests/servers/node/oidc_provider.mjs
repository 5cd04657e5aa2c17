// A real OpenID Provider: npm oidc-provider over TLS, with a plain sign-in form. Its version 8, since
// 9 wants a newer Node.js than Debian 12 has.
//
//   node oidc_provider.mjs SETTINGS.json
//
// SETTINGS: { port, certificate, privateKey (PEM files), clients (OpenID Connect Dynamic
// Registration 2), people: { login: { password, claims } },
// lifetimes: { code, idToken, accessToken } in seconds }
//
// Beside the provider's own routes: POST /_test/rotate[?keep=1] (new keys; the old ones stay
// published, or vanish), GET /_test/requests (method and path of every other request).
import './webcrypto.mjs';

import { generateKeyPair, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import https from 'node:https';
import { promisify } from 'node:util';

import { Provider } from 'oidc-provider';

const settings = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const issuer = `https://localhost:${settings.port}`;
const scopes = ['openid', 'profile', 'email', 'groups'];
const cookieKey = randomUUID();
const requests = [];

const kinds = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};

async function newKeys() {
  return Promise.all(Object.entries(kinds).map(async ([alg, kind]) => {
    const { privateKey } = await promisify(generateKeyPair)(...kind);
    return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg, use: 'sig' };
  }));
}

async function findAccount(ctx, login) {
  const person = settings.people[login];
  return person && { accountId: login, claims: async () => ({ sub: login, ...person.claims }) };
}

// Whatever is asked for is granted: nobody is asked for consent.
function grantAll(provider, clientId, accountId) {
  const grant = new provider.Grant({ clientId, accountId });
  grant.addOIDCScope(scopes.join(' '));
  return grant;
}

async function loadExistingGrant(ctx) {
  const { client, provider, session } = ctx.oidc;
  const grant = grantAll(provider, client.clientId, session.accountId);
  await grant.save();
  return grant;
}

// Sessions and codes are kept apart from the provider, which is built anew when keys change.
const kept = new Map();

class Memory {
  constructor(model) { this.model = model; }

  key(id) { return `${this.model}:${id}`; }

  async upsert(id, payload) { kept.set(this.key(id), payload); }

  async find(id) { return kept.get(this.key(id)); }

  async findByUid(uid) {
    const mine = [...kept].filter(([key]) => key.startsWith(this.key('')));
    return mine.find(([, payload]) => payload.uid === uid)?.[1];
  }

  async consume(id) { kept.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }

  async destroy(id) { kept.delete(this.key(id)); }

  async revokeByGrantId(grantId) {
    for (const [key, payload] of kept) if (payload.grantId === grantId) kept.delete(key);
  }
}

function build(keys) {
  const provider = new Provider(issuer, {
    adapter: Memory,
    clients: settings.clients,
    jwks: { keys },
    cookies: { keys: [cookieKey] },
    pkce: { required: () => true },
    scopes,
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username'],
      email: ['email', 'email_verified'],
      groups: ['groups'],
    },
    conformIdTokenClaims: false, // the claims of a scope are in the ID token, too
    enabledJWA: { idTokenSigningAlgValues: Object.keys(kinds) },
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: false } },
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount,
    loadExistingGrant,
    ttl: {
      AuthorizationCode: settings.lifetimes.code,
      IdToken: settings.lifetimes.idToken,
      AccessToken: settings.lifetimes.accessToken,
      Session: 3600,
      Grant: 3600,
      Interaction: 600,
    },
  });
  for (const event of ['authorization.error', 'grant.error', 'userinfo.error', 'server_error']) {
    provider.on(event, (ctx, error) => console.log(event, error.error_detail ?? error));
  }
  return { provider, handle: provider.callback() };
}

let keys = await newKeys();
let running = build(keys);
// Clients are looked at when they are first used; what is wrong with one should show now.
for (const client of settings.clients) await running.provider.Client.find(client.client_id);

async function rotate(keep) {
  keys = [...await newKeys(), ...(keep ? keys : [])];
  running = build(keys);
}

async function readForm(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return new URLSearchParams(text);
}

const page = (message) => `<!DOCTYPE html>
<html lang="en"><title>Sign in</title>
${message && `<p id="error">${message}</p>`}
<form method="post">
<input name="login" autofocus><input name="password" type="password">
<button>Sign in</button><button name="cancel" value="1">Cancel</button>
</form>`;

async function interact(request, response) {
  const { provider } = running;
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  const finish = (result) => provider.interactionFinished(request, response, result);
  if (prompt.name === 'consent') {
    const grant = grantAll(provider, params.client_id, session.accountId);
    return finish({ consent: { grantId: await grant.save() } });
  }
  let message = '';
  if (request.method === 'POST') {
    const form = await readForm(request);
    if (form.has('cancel')) return finish({ error: 'access_denied' });
    const login = form.get('login');
    if (form.get('password') === settings.people[login]?.password) {
      return finish({ login: { accountId: login, amr: ['pwd'] } });
    }
    message = 'Wrong user name or password.';
    response.statusCode = 401;
  }
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  return response.end(page(message));
}

async function route(request, response) {
  const { pathname, searchParams } = new URL(request.url, issuer);
  if (pathname === '/_test/requests') return response.end(JSON.stringify(requests));
  if (pathname === '/_test/rotate' && request.method === 'POST') {
    await rotate(searchParams.has('keep'));
    return response.end();
  }
  requests.push(`${request.method} ${pathname}`);
  if (pathname.startsWith('/interaction/')) return interact(request, response);
  return running.handle(request, response);
}

const tls = {
  cert: fs.readFileSync(settings.certificate),
  key: fs.readFileSync(settings.privateKey),
};
const server = https.createServer(tls, (request, response) => {
  route(request, response).catch((error) => {
    console.log(error);
    response.statusCode = 500;
    response.end();
  });
});
server.listen(settings.port, '127.0.0.1');
