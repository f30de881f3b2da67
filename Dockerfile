# One image for the three services and the one-shot jobs; compose says which of them a container is.
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore

WORKDIR /app

# Before the source, so that a change of the source does not install them again.
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock

# A volume that is mounted here takes over the folder's owner.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin partner-directory \
 && install -d -o partner-directory -g partner-directory -m 0700 /var/lib/partner-directory

COPY shared/ shared/
COPY services/ services/
COPY data/ data/
COPY ops/ ops/
RUN python -m compileall -q shared services ops

ENV HOST=0.0.0.0 \
    VAR_DIR=/var/lib/partner-directory
USER partner-directory
EXPOSE 8001 8002 8003
CMD ["python", "-m", "services.directory"]
