# Bloom from source: Node 24 runs its TypeScript as it is.
FROM node:24-slim
WORKDIR /bloom
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts
COPY src src
COPY machines machines
USER node
EXPOSE 8080
CMD ["node", "src/main.ts"]
