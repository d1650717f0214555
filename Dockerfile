# Bloom from source: Node 24 runs its TypeScript as it is; the call page alone is built.
FROM node:24-slim AS page
WORKDIR /bloom
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY scripts scripts
COPY src src
COPY web web
RUN node scripts/build-web.ts

FROM node:24-slim
WORKDIR /bloom
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts
COPY src src
COPY machines machines
COPY --from=page /bloom/web/dist web/dist
USER node
EXPOSE 8080
CMD ["node", "--min-semi-space-size=16", "--max-semi-space-size=16", "--disable-sigusr1", "src/main.ts"]
