news-undo = Anular
news-recover = Recuperar
news-connect = Ligar
news-build-overviews = Criar pirâmides
news-use-as-labels = Usar como etiquetas…
news-too-many-files = Há demasiados ficheiros à espera. Tentar de novo quando estiverem lidos.
news-class-number = Classe { $number }
news-no-more-classes = Não se podem adicionar mais classes: há 255 em uso.
news-labels-layer = Etiquetas
news-stopped = O Terroir parou sem ser fechado. O trabalho pode ser reaberto (menu Ficheiro: recuperar ou descartar).
news-recovered = O trabalho não guardado voltou. Guardar o projeto para o manter.
news-newer-version = Este projeto é de uma versão mais recente. Está aberto para leitura; ao guardar é pedido outro nome.
news-colours-written = Cores escritas.
news-project-saved = Projeto guardado.
news-table-written = Tabela escrita.
news-labels-written = Etiquetas escritas.
news-companion-written = Escrito ao lado do mapa
news-profiles-written = Perfis escritos.
news-picture-written = Imagem escrita.
news-no-crs = Este raster não tem sistema de coordenadas; é desenhado pelos seus píxeis. Clicar em «Sem SRC» na barra de estado para indicar um.
news-no-wavelengths = Não há comprimentos de onda. Escolher um sensor ou escrevê-los em Estilo, para que os modelos possam usar as bandas.
news-first-steps = Pintar duas classes para obter um mapa: escolher uma classe à esquerda, premir P e desenhar; depois a outra classe.
news-labels-need-scene = As etiquetas precisam de uma cena onde assentar. Adicionar primeiro um raster.
news-removed = { $name } removido.
news-no-shapes = Nenhuma camada deste ficheiro tem formas. Escolher outro ficheiro.
news-vector-no-crs = { $name } não indica sistema de coordenadas; as suas coordenadas são tomadas como as do mapa.
news-added = { $name } adicionado: { $count }.
news-no-polygons = { $name } não tem polígonos; uma área de interesse precisa deles.
news-area-cleared = Campos e mapas cobrem de novo toda a cena.
news-area-set = Campos e mapas são feitos só dentro de { $name }.
news-no-overviews = { $name } não tem pirâmides; inteiro é desenhado primeiro como uma amostra grosseira. As pirâmides tornam-no rápido.
news-overviews-local = Só um ficheiro desta máquina pode ter pirâmides ao lado
news-overviews-small = Este raster é tão pequeno que as pirâmides não ajudariam
news-overviews-choose = Escolher primeiro uma camada raster
news-unconnected = { $count ->
        [one] Uma camada deste projeto está na rede. Nada é lido de lá antes de a ligar.
       *[other] { $count } camadas deste projeto estão na rede. Nada é lido de lá antes de as ligar.
    }
news-imported = { $count ->
        [one] { $count } forma importada
       *[other] { $count } formas importadas
    } de { $name }.
news-imported-outside = { $count } fora da cena.
news-imported-empty = { $count } vazias.
news-imported-invalid = { $count } inválidas.
news-imported-classless = { $count } sem classe.
news-nothing-to-paint-on = Não há nada onde pintar. Adicionar primeiro uma cena ou um campo.
news-no-class-here = Não há classe aqui. Clicar num píxel etiquetado para escolher a sua classe.
news-no-place-in-crs = Nenhuma das formas de { $name } tem lugar no sistema de coordenadas do mapa. Escolher outro para o mapa.
news-shapes-fault = não foi possível colocar estas formas; é uma falha do programa, comunicar por favor
news-picture-unreadable = Não foi possível ler a imagem da execução.
news-not-written = Não foi possível escrever o ficheiro. Escolher outra pasta ou libertar espaço.
news-picture-not-made = Não foi possível criar a imagem.
news-recovery-kept = Não foi possível eliminar o trabalho guardado automaticamente.
news-job-cancelled = { $name }: cancelado.
news-strip-close = Fechar esta mensagem
news-strip-copy = Copiar esta mensagem
news-strip-details = Detalhes
news-imported-pixels = { $count ->
    [one] Importado um píxel rotulado de { $name }.
   *[other] Importados { $count } píxeis rotulados de { $name }.
    }
