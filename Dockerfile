# The server: all roles in one process, or some of them with `--roles`.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# npm's last step applies these; without them it would succeed, and postgres.js stay unpatched.
COPY patches ./patches
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY apps ./apps
COPY libs ./libs
COPY scripts ./scripts
# The optional packages are the bundler's binary, and those of the embedded Postgres, which has a container of its own.
RUN npm run build && npm prune --omit=dev --omit=optional

FROM node:24-bookworm-slim
ENV NODE_ENV=production REACHBACK_HTTP_HOST=0.0.0.0
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY libs/event-log/migrations ./libs/event-log/migrations
USER node
EXPOSE 8080
# It asks itself, so it needs no proof of who answers.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; fetch((process.env.REACHBACK_TLS_CERT ? 'https' : 'http') + '://127.0.0.1:' + (process.env.REACHBACK_HTTP_PORT ?? 8080) + '/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/apps/server/src/bundle.js"]
