# What talks to a server, or starts one.
target_sources(salvor_core PRIVATE
  backup_session.cpp base_backup.cpp connection.cpp instance.cpp instance_checks.cpp
  instance_files.cpp instance_registry.cpp instance_removal.cpp programs.cpp recovery_settings.cpp server_facts.cpp
  tar_reader.cpp wal_feed.cpp wal_stream.cpp)
