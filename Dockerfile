# Three stages: what is needed to build, what is needed to run, and the image. Not on Alpine: uWebSockets.js needs glibc, with
# Node.js 22 and later 2.38 (Debian 13).
FROM node:24-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build

FROM node:24-trixie-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:24-trixie-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8000
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
USER node
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8000/health/live').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# A release is `node dist/src/release.js`, a worker `node --enable-source-maps dist/workers/main.js` (without this health check).
CMD ["node", "--enable-source-maps", "dist/src/web.js"]
