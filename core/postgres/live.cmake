# What talks to a server, or starts one.
target_sources(salvor_core PRIVATE
  backup_session.cpp connection.cpp programs.cpp recovery_settings.cpp server_facts.cpp)
