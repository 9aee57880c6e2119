"""The host: settings, instances of services, the pipe that calls run through, and the life of the process."""
